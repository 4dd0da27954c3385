import { createHash } from 'node:crypto';
import { globSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { buffer } from 'node:stream/consumers';
import yazl from 'yazl';

/** A folder as a zip; the same files always give the same bytes and the same hash. */
export async function zipFolder(folder: string): Promise<{ zip: Buffer; hash: string; files: string[] }> {
  const files = globSync('**/*', { cwd: folder })
    .filter((file) => statSync(join(folder, file)).isFile())
    .sort();
  const zip = new yazl.ZipFile();
  for (const file of files) {
    const mode = statSync(join(folder, file)).mode & 0o111 ? 0o100755 : 0o100644;
    zip.addBuffer(readFileSync(join(folder, file)), file, { mtime: new Date(1980, 0, 1), mode });
  }
  zip.end();
  const bytes = await buffer(zip.outputStream);
  return { zip: bytes, hash: createHash('sha256').update(bytes).digest('hex').slice(0, 12), files };
}
