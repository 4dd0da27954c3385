import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
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
    await pipeline(entriesOf(tar), process.stream, { end: true });
  } catch (error) {
    // The guest closes its input when it has given up, and then its own words tell more.
    if (error instanceof CommandRefused) giveUp(process);
    throw (await failure) ?? error;
  }
  const failed = await failure;
  if (failed) throw failed;
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
