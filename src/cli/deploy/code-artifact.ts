import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import yazl from 'yazl';
import { SquibError } from '../../errors/squib-error.ts';

/** Never part of an application. */
const SKIPPED = new Set(['.git', '.DS_Store']);

/** A folder with a Dockerfile as a code artifact. */
export interface CodeArtifact {
  zip: Buffer;
  /** The same files always give the same. */
  hash: string;
  files: number;
}

/** @throws SquibError when the folder has no Dockerfile */
export async function packFolder(folder: string): Promise<CodeArtifact> {
  if (!existsSync(join(folder, 'Dockerfile'))) {
    throw new SquibError(`There is no Dockerfile in ${folder}.`, 'Name the folder that holds it.');
  }
  const archive = new yazl.ZipFile();
  const files = listFiles(folder).sort();
  for (const file of files) {
    const mode = statSync(join(folder, file)).mode & 0o111 ? 0o100755 : 0o100644;
    archive.addBuffer(readFileSync(join(folder, file)), file, { mtime: new Date(1980, 0, 1), mode });
  }
  archive.end();
  const zip = await buffer(archive.outputStream);
  return { zip, hash: createHash('sha256').update(zip).digest('hex').slice(0, 12), files: files.length };
}

/** Relative paths of all files; links are followed to files, not to folders. */
function listFiles(root: string, inside = ''): string[] {
  return readdirSync(join(root, inside), { withFileTypes: true }).flatMap((entry) => {
    const path = inside === '' ? entry.name : `${inside}/${entry.name}`;
    if (SKIPPED.has(entry.name)) return [];
    if (entry.isDirectory()) return listFiles(root, path);
    return statSync(join(root, path), { throwIfNoEntry: false })?.isFile() ? [path] : [];
  });
}
