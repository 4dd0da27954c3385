import { lstatSync, statSync } from 'node:fs';
import { basename, dirname, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { create } from 'tar';
import { SquibError } from '../../errors/squib-error.ts';
import { fetchSquib } from '../api/call.ts';
import type { Connection } from '../api/connection.ts';

/** Copies a file or folder of this machine into a MicroVM; `-` is a tar stream on standard input. @throws SquibError */
export async function copyIn(
  connection: Connection,
  microvmIdentifier: string,
  source: string,
  path: string,
): Promise<void> {
  const archive = source === '-' ? process.stdin : pack(source);
  const stream = Readable.toWeb(archive) as unknown as ReadableStream;
  await fetchSquib(connection, 'PutMicrovmFiles', { microvmIdentifier, path }, { stream });
}

/** `folder/.` stands for what is in the folder. */
function pack(source: string): Readable {
  const whole = resolve(source);
  try {
    lstatSync(source);
  } catch (error) {
    throw new SquibError(`${source} is not there, or cannot be read.`, 'Check the path.', { cause: error });
  }
  const contents = /(^|\/)\.$/.test(source) && statSync(source).isDirectory();
  const [cwd, name] = contents ? [whole, '.'] : [dirname(whole), basename(whole)];
  // Hard links are copied as files of their own. A name with @ would be taken for an archive.
  const archive = create({ cwd, linkCache: new NoLinks(), preservePaths: false }, [
    contents ? '.' : `./${name}`,
  ]);
  return Readable.from(archive as AsyncIterable<Buffer>, { objectMode: false });
}

class NoLinks extends Map<never, never> {
  override get(): undefined {
    return undefined;
  }
  override set(): this {
    return this;
  }
}
