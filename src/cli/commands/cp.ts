import { findConnection } from '../api/connection.ts';
import { findMicrovmId } from '../api/lookup.ts';
import { command, connectionOptions } from '../command.ts';
import { copyIn } from '../files/copy-in.ts';
import { copyOut } from '../files/copy-out.ts';
import { UsageError } from '../usage-error.ts';

export const cp = command({
  summary: 'copy files and folders into a MicroVM, or out of it',
  synopsis: ['cp PATH ID:PATH', 'cp ID:PATH PATH'],
  description: `Copies a file, or a folder with all that is in it, with permissions, times and links. Where the destination is a folder, the copy
goes into it; else it gets that name. A source that ends in '/.' stands for what is in the folder. Paths in the MicroVM are
absolute. There the copy belongs to the container's user, here to you. '-' as PATH is a tar stream on standard input or output.`,
  options: { ...connectionOptions },
  complete: ['file'],
  examples: [
    'squib cp ./config.json 0a1b2c3d:/app/',
    'squib cp 0a1b2c3d:/var/log/app ./logs',
    'squib cp ./site/. 0a1b2c3d:/srv/www',
    'squib cp 0a1b2c3d:/data - | gzip > data.tar.gz',
  ],
  async run({ values, positionals }) {
    const [from, to, ...rest] = positionals;
    if (from === undefined || to === undefined) throw new UsageError('It takes a source and a destination.');
    if (rest.length > 0) throw new UsageError(`'${rest[0]}' is not understood.`);
    const source = place(from);
    const target = place(to);
    if ((source.id === undefined) === (target.id === undefined)) {
      throw new UsageError('One side must be ID:PATH, the other a path of this machine.');
    }
    const connection = findConnection(values);
    const microvmIdentifier = await findMicrovmId(connection, source.id ?? target.id ?? '');
    if (target.id !== undefined) await copyIn(connection, microvmIdentifier, source.path, target.path);
    else await copyOut(connection, microvmIdentifier, source.path, target.path);
  },
});

function place(text: string): { id?: string; path: string } {
  // A path with a colon of its own is written with ./ before it.
  const [, id, path] = /^([\w-]+):(.+)$/s.exec(text) ?? [];
  if (id === undefined || path === undefined) return { path: text };
  if (!path.startsWith('/')) throw new UsageError(`'${path}' is not an absolute path in the MicroVM.`);
  return { id, path };
}
