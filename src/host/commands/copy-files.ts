import { Readable, type Writable } from 'node:stream';
import { CommandRefused } from '../../control/host.ts';
import type { GuestProcess } from '../../guest/guest-connection.ts';
import { ByteReader } from '../files/byte-reader.ts';
import { readEntry } from '../files/entries.ts';
import { entriesOf, tarOf } from '../files/tar.ts';
import type { LiveMicrovm } from '../microvms/live-microvm.ts';
import { toRefusal } from './guest-errors.ts';

/** Exit code of the guest's files program for a path that is not there. */
const notThere = 2;
/** A complaint of the guest's is one line; more of it is not kept. */
const complaintMax = 8192;

/** See `Host.readFiles`. */
export async function readFiles(live: LiveMicrovm, path: string): Promise<Readable> {
  const { process, failure, reader } = await open(live, path);
  if (await reader.ended()) throw (await failure) ?? gone();
  return Readable.from(checkedTar(process, failure, reader), { objectMode: false });
}

/** The bytes of one file. @throws CommandRefused when it is not there, no file, or larger than `most` bytes */
export async function readSmallFile(live: LiveMicrovm, path: string, most: number): Promise<Buffer> {
  const { process, failure, reader } = await open(live, path);
  try {
    if (await reader.ended()) throw (await failure) ?? gone();
    const { kind, size } = await readEntry(reader);
    if (kind !== 'file' || size > most) throw new CommandRefused('invalid', `${path} is not a small file.`);
    return await reader.exactly(size);
  } finally {
    giveUp(process);
  }
}

/** See `Host.writeFiles`. */
export async function writeFiles(live: LiveMicrovm, path: string, tar: Readable): Promise<void> {
  const process = await start(live, 'write', path);
  const failure = failureOf(process, path);
  process.output?.stdout.resume();
  try {
    await send(entriesOf(tar), process.stream);
  } catch (error) {
    giveUp(process);
    throw error;
  }
  const failed = await failure;
  if (failed) throw failed;
}

/**
 * Writes until the guest closes its input: it has given up then, and its own words tell why. Unlike `pipeline`, this
 * also notices when that happened before there was anything to write.
 */
async function send(parts: AsyncIterable<Buffer>, stream: Writable): Promise<void> {
  const movement = () =>
    new Promise<void>((resolve) => {
      const moved = () => {
        stream.off('drain', moved).off('close', moved);
        resolve();
      };
      stream.on('drain', moved).on('close', moved);
    });
  for await (const part of parts) {
    if (!stream.writable) return;
    if (!stream.write(part)) await movement();
  }
  stream.end();
}

async function open(live: LiveMicrovm, path: string) {
  const process = await start(live, 'read', path);
  const failure = failureOf(process, path);
  process.stream.end();
  return { process, failure, reader: new ByteReader(unlessLost(process.output!.stdout)) };
}

async function* unlessLost(stream: Readable): AsyncGenerator<Buffer, void> {
  try {
    yield* stream;
  } catch (error) {
    throw gone(error);
  }
}

async function start(live: LiveMicrovm, direction: 'read' | 'write', path: string): Promise<GuestProcess> {
  try {
    return await live.guest.files(direction, path, live.endpoint);
  } catch (error) {
    throw toRefusal(error);
  }
}

/** Why the copy failed, once the process has ended; undefined when it did not. */
async function failureOf({ output, exited }: GuestProcess, path: string): Promise<Error | undefined> {
  let complaint = '';
  const { stderr } = output!;
  const read = new Promise<void>((resolve) => {
    stderr.on('data', (chunk: Buffer) => {
      if (complaint.length < complaintMax) complaint += chunk;
    });
    stderr.once('close', resolve);
  });
  const code = await exited;
  if (code === 0) return undefined;
  if (code === undefined) return gone();
  await read;
  const why = complaint.trim().replaceAll(/\p{Cc}/gu, '?') || `copying ${path} ended with code ${code}`;
  return new CommandRefused(code === notThere ? 'notFound' : 'invalid', `${why}.`);
}

const gone = (cause?: unknown) =>
  new CommandRefused('impossible', 'The MicroVM was suspended or ended meanwhile.', { cause });

async function* checkedTar(process: GuestProcess, failure: Promise<Error | undefined>, reader: ByteReader) {
  try {
    yield* tarOf(reader, async () => {
      const failed = await failure;
      if (failed) throw failed;
    });
  } finally {
    giveUp(process);
  }
}

function giveUp({ stream, output }: GuestProcess): void {
  for (const each of [stream, output?.stdout, output?.stderr]) each?.destroy();
}
