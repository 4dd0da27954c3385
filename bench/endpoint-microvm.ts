// A real MicroVM through the endpoint, beside the channel alone to a machine of the same snapshot.
import { Buffer } from 'node:buffer';
import type { Duplex } from 'node:stream';
import { connect as connectTls } from 'node:tls';
import { CreateMicrovmAuthTokenCommand, RunMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { autoResume, until } from '../test/support/microvms.ts';
import { bareRestore } from './floor.ts';
import { BenchLab } from './lab.ts';
import { atLeast, type BenchOptions, median, type Result } from './result.ts';

const mebibyte = 1024 * 1024;

/** One application as a client talks to it, by one connection. */
interface Path {
  stream: Duplex;
  /** Header lines of every request. */
  head: string;
}

/** Sends a request and takes its answer of 200. @returns milliseconds */
async function exchange({ stream, head }: Path, line: string, body = 0): Promise<number> {
  const start = performance.now();
  const answered = new Promise<void>((resolve, reject) => {
    let text: string | undefined = '';
    let left = 0;
    const take = (chunk: Buffer) => {
      if (text === undefined) {
        left -= chunk.length;
      } else {
        text += chunk.toString('latin1');
        const end = text.indexOf('\r\n\r\n');
        if (end < 0) return;
        if (!text.startsWith('HTTP/1.1 200')) return reject(new Error(text));
        left = Number(/\r\ncontent-length: (\d+)/i.exec(text)?.[1]) - (text.length - end - 4);
        text = undefined;
      }
      if (left > 0) return;
      stream.off('data', take);
      stream.off('close', gone);
      resolve();
    };
    const gone = () => reject(new Error('The connection ended.'));
    stream.on('data', take);
    stream.once('close', gone);
  });
  const length = body > 0 ? `content-length: ${body}\r\n` : '';
  stream.write(`${line} HTTP/1.1\r\n${head}${length}\r\n`);
  const piece = Buffer.alloc(65_536);
  for (let left = body; left > 0; left -= piece.length) {
    if (!stream.write(left < piece.length ? piece.subarray(0, left) : piece)) {
      await new Promise((resolve) => stream.once('drain', resolve));
    }
  }
  await answered;
  return performance.now() - start;
}

/** Requests a second, download and upload of one client. */
export async function throughMicrovm({ quick }: BenchOptions): Promise<Result[]> {
  // Short turns and many of them: how fast an emulated processor is changes by half within seconds on a busy machine.
  const rounds = quick ? 4 : 24;
  const requests = 40;
  const size = 8 * mebibyte;
  const lab = await BenchLab.open();
  try {
    const bare = await bareRestore(lab.squib.config.cacheDir, lab.snapshotDir);
    try {
      const { squib } = lab;
      const { microvmId = '', endpoint = '' } = await lab.microvms.send(
        new RunMicrovmCommand({ imageIdentifier: lab.imageArn, idlePolicy: autoResume }),
      );
      await until(squib, microvmId, 'RUNNING');
      const { authToken } = await lab.microvms.send(
        new CreateMicrovmAuthTokenCommand({
          ...{ microvmIdentifier: microvmId, expirationInMinutes: 60 },
          allowedPorts: [{ port: 8080 }],
        }),
      );
      const { port } = squib.config.endpoint;
      const { hostname } = new URL(`https://${endpoint}`);
      const stream = connectTls({ host: '127.0.0.1', port, servername: hostname, ca: squib.ca });
      const paths: Record<'channel' | 'endpoint', Path> = {
        channel: { stream: await bare.guest.dial(8080), head: 'host: localhost\r\n' },
        endpoint: {
          stream,
          head: `host: ${endpoint}\r\nx-aws-proxy-auth: ${authToken?.['X-aws-proxy-auth']}\r\n`,
        },
      };
      const found = { requests: both(), down: both(), up: both() };
      for (let round = -1; round < rounds; round++) {
        for (const name of ['channel', 'endpoint'] as const) {
          const path = paths[name];
          const times: number[] = [];
          for (let count = 0; count < requests; count++) times.push(await exchange(path, 'GET /'));
          const down = await exchange(path, `GET /zeros?bytes=${size}`);
          const up = await exchange(path, 'POST /sink', size);
          if (round < 0) continue; // compilers, TCG's translations and caches
          found.requests[name].push(1000 / median(times));
          found.down[name].push((size / mebibyte / down) * 1000);
          found.up[name].push((size / mebibyte / up) * 1000);
        }
      }
      const row = (name: string, unit: string, { endpoint: value, channel }: ReturnType<typeof both>) =>
        atLeast(`${name} through a MicroVM (floor: channel)`, unit, median(value), median(channel), 0.8);
      return [
        row('requests, one after another,', '/s', found.requests),
        row('download', 'MiB/s', found.down),
        row('upload', 'MiB/s', found.up),
      ];
    } finally {
      await bare.end();
    }
  } finally {
    await lab.close();
  }
}

const both = () => ({ channel: [] as number[], endpoint: [] as number[] });
