// Many connections to many MicroVMs at once, each with one exchange after another.
import { readFileSync } from 'node:fs';
import { Agent, request } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ClientOptions, WebSocket } from 'ws';
import { type Launched, launch, type World } from '../clients/world.ts';
import type { TestSquib } from '../support/squib.ts';

export interface LoadOrder {
  connections: number;
  microvms: number;
  seconds: number;
}

export interface LoadResult {
  /** Answers of HTTP/1.1, and echoes of WebSockets. */
  exchanges: number;
  /** The fewest that one connection had. */
  fewest: number;
  errors: string[];
  /** Resident memory of the daemon in MiB: with all connections open, and at the end. */
  memory: { first: number; last: number };
}

/** Connections that are opened at a time: a handshake may take 10 s, and this machine has little to share. */
const rampUp = 20;
/** Every fifth connection is a WebSocket. */
const isWebSocket = (number: number) => number % 5 === 0;

/** Drives a world's MicroVM and as many more as are missing; whoever made the world removes it. */
export async function load(world: World, { connections, microvms, seconds }: LoadOrder): Promise<LoadResult> {
  const { squib } = world;
  const targets: Launched[] = [world];
  while (targets.length < microvms) targets.push(await launch(squib, world.imageArn));
  const errors: string[] = [];
  const open: Client[] = [];
  for (let from = 0; from < connections; from += rampUp) {
    const batch = Array.from({ length: Math.min(rampUp, connections - from) }, (_, at) => {
      const target = targets[(from + at) % targets.length]!;
      return (isWebSocket(from + at) ? openWebSocket : openHttp)(squib, target);
    });
    open.push(...(await Promise.all(batch)));
  }
  const counts = open.map(() => 0);
  let running = true;
  const work = open.map(async (client, number) => {
    while (running) {
      await client.exchange();
      counts[number]!++;
    }
  });
  const failed = Promise.all(work).catch((error: Error) => errors.push(error.message));
  await sleep((seconds * 1000) / 4);
  const first = residentMiB(squib.pid);
  await sleep((seconds * 3000) / 4);
  const last = residentMiB(squib.pid);
  running = false;
  await failed;
  for (const client of open) client.close();
  const exchanges = counts.reduce((sum, count) => sum + count, 0);
  return { exchanges, fewest: Math.min(...counts), errors, memory: { first, last } };
}

/** One connection. */
interface Client {
  /** @throws unless the answer is the right one */
  exchange(): Promise<void>;
  close(): void;
}

async function openHttp(squib: TestSquib, { endpoint, token }: Launched): Promise<Client> {
  const { hostname } = new URL(`https://${endpoint}`);
  const agent = new Agent({ keepAlive: true, maxSockets: 1, ca: squib.ca, servername: hostname });
  let sockets = 0;
  const client: Client = {
    exchange: () =>
      new Promise((resolve, reject) => {
        const sent = request(
          {
            ...{ host: '127.0.0.1', port: squib.config.endpoint.port, agent },
            headers: { host: endpoint, 'x-aws-proxy-auth': token },
          },
          (answer) => {
            let body = '';
            answer.on('data', (chunk) => {
              body += chunk;
            });
            answer.on('end', () => {
              if (answer.statusCode === 200 && body === 'hello') resolve();
              else reject(new Error(`${answer.statusCode}: ${body}`));
            });
            answer.on('error', reject);
          },
        );
        sent.on('socket', () => {
          if (!sent.reusedSocket && ++sockets > 1) reject(new Error('The connection was not kept.'));
        });
        sent.on('error', reject);
        sent.end();
      }),
    close: () => agent.destroy(),
  };
  await client.exchange();
  return client;
}

async function openWebSocket(squib: TestSquib, { endpoint, token }: Launched): Promise<Client> {
  const { hostname } = new URL(`https://${endpoint}`);
  const options: ClientOptions & { servername: string } = {
    ca: squib.ca,
    servername: hostname,
    headers: { host: endpoint, 'x-aws-proxy-auth': token },
  };
  const socket = new WebSocket(`wss://127.0.0.1:${squib.config.endpoint.port}/socket`, [], options);
  let heard: (text: string) => void = () => {};
  let failed: (error: Error) => void = () => {};
  socket.on('message', (data) => heard(String(data)));
  socket.on('error', (error) => failed(error));
  socket.on('close', (code) => failed(new Error(`The WebSocket was closed with ${code}.`)));
  // The application says something first.
  await new Promise<unknown>((resolve, reject) => {
    heard = resolve;
    failed = reject;
  });
  let count = 0;
  return {
    exchange: () =>
      new Promise((resolve, reject) => {
        const text = `echo ${++count}`;
        heard = (answer) => (answer === text ? resolve() : reject(new Error(`${answer} is not ${text}`)));
        failed = reject;
        socket.send(text);
      }),
    close: () => {
      failed = () => {};
      socket.terminate();
    },
  };
}

function residentMiB(pid: number): number {
  const kibibytes = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kibibytes) / 1024;
}
