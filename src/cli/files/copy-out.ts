import { existsSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { Readable, type Writable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { extract, type ReadEntry } from 'tar';
import { SquibError } from '../../errors/squib-error.ts';
import { fetchSquib } from '../api/call.ts';
import type { Connection } from '../api/connection.ts';

/**
 * Copies a file or folder of a MicroVM to this machine; `-` is a tar stream on standard output. The MicroVM is not
 * trusted: nothing is written outside of the destination, or through links that came along.
 * @throws SquibError
 */
export async function copyOut(
  connection: Connection,
  microvmIdentifier: string,
  path: string,
  destination: string,
): Promise<void> {
  const target = destination === '-' ? undefined : unpackTo(destination);
  const response = await fetchSquib(connection, 'GetMicrovmFiles', { microvmIdentifier, path });
  const archive = Readable.fromWeb(response.body as Parameters<typeof Readable.fromWeb>[0]);
  try {
    await pipeline(archive, target ?? process.stdout);
  } catch (error) {
    const problem = `The copy broke off: ${(error as Error).message}.`;
    throw new SquibError(problem, 'What has arrived so far is incomplete.', { cause: error });
  }
}

/** Into a folder that is there, else under the name given. */
function unpackTo(destination: string): Writable {
  const whole = resolve(destination);
  if (existsSync(whole) && statSync(whole).isDirectory()) return unpack(whole);
  const folder = dirname(whole);
  if (destination.endsWith('/') || !existsSync(folder)) {
    throw new SquibError(
      `The folder ${destination.endsWith('/') ? whole : folder} is not there.`,
      'Make it first.',
    );
  }
  const name = basename(whole);
  return unpack(folder, (entry) => {
    // The first part of each path is the name in the MicroVM.
    const at = entry.path.indexOf('/');
    entry.path = at < 0 ? name : `${name}${entry.path.slice(at)}`;
  });
}

function unpack(cwd: string, onReadEntry?: (entry: ReadEntry) => void): Writable {
  const strict = {
    cwd,
    strict: true,
    preserveOwner: false,
    preservePaths: false,
    ...(onReadEntry && { onReadEntry }),
  };
  return extract(strict) as unknown as Writable;
}
