import { Zip, ZipDeflate } from 'fflate';

/** A file with its place below the folder that was chosen. */
export interface PlacedFile {
  path: string;
  file: File;
}

/** What a drop or a choice of files is: a zip as it is, or the files of a folder. */
export type Artifact =
  | { kind: 'zip'; name: string; file: File }
  | { kind: 'folder'; name: string; files: PlacedFile[] };

/** Folders that no image wants. */
const LEFT_OUT = new Set(['.git', 'node_modules', '__pycache__', '.venv', '.DS_Store']);
const wanted = ({ path }: PlacedFile) => !path.split('/').some((part) => LEFT_OUT.has(part));

/** @throws Error in words for people when it holds nothing to build */
export async function artifactFromDrop(transfer: DataTransfer): Promise<Artifact> {
  // All entries before anything is waited for: afterwards the browser has forgotten them.
  const entries = [...transfer.items]
    .map((item) => item.webkitGetAsEntry())
    .filter((entry) => entry !== null);
  const [first] = entries;
  if (entries.length === 1 && first?.isFile && first.name.endsWith('.zip')) {
    return { kind: 'zip', name: first.name, file: await fileOf(first as FileSystemFileEntry) };
  }
  const files = (await Promise.all(entries.map((entry) => filesOf(entry, '')))).flat();
  const root = entries.length === 1 && first?.isDirectory ? `${first.name}/` : '';
  return folder(first?.name ?? '', files, root);
}

/** @throws Error as {@link artifactFromDrop} */
export function artifactFromFiles(list: FileList): Artifact {
  const files = [...list];
  const [first] = files;
  if (files.length === 1 && first?.name.endsWith('.zip'))
    return { kind: 'zip', name: first.name, file: first };
  const placed = files.map((file) => ({ path: file.webkitRelativePath || file.name, file }));
  const name = placed[0]?.path.split('/')[0] ?? '';
  return folder(name, placed, first?.webkitRelativePath ? `${name}/` : '');
}

function folder(name: string, files: PlacedFile[], root: string): Artifact {
  const placed = files.filter(wanted).map(({ path, file }) => ({ path: path.slice(root.length), file }));
  if (!placed.some(({ path }) => path === 'Dockerfile')) {
    throw new Error(
      `There is no Dockerfile at the top of ${name || 'this'}. A folder needs one, or drop a zip that has one.`,
    );
  }
  return { kind: 'folder', name, files: placed };
}

const fileOf = (entry: FileSystemFileEntry) =>
  new Promise<File>((resolve, reject) => entry.file(resolve, reject));

async function filesOf(entry: FileSystemEntry, before: string): Promise<PlacedFile[]> {
  const path = `${before}${entry.name}`;
  if (entry.isFile) return [{ path, file: await fileOf(entry as FileSystemFileEntry) }];
  if (LEFT_OUT.has(entry.name)) return [];
  const reader = (entry as FileSystemDirectoryEntry).createReader();
  const found: PlacedFile[] = [];
  for (;;) {
    // A reader gives at most a hundred at a time.
    const some = await new Promise<FileSystemEntry[]>((resolve, reject) =>
      reader.readEntries(resolve, reject),
    );
    if (some.length === 0) return found;
    found.push(...(await Promise.all(some.map((each) => filesOf(each, `${path}/`)))).flat());
  }
}

/** The artifact as a zip. A browser knows no modes of files: scripts are executable, the rest is not. */
export async function toZip(artifact: Artifact): Promise<Blob> {
  if (artifact.kind === 'zip') return artifact.file;
  const parts: Uint8Array<ArrayBuffer>[] = [];
  let problem: Error | null = null;
  const zip = new Zip((error, chunk) => {
    problem ??= error;
    parts.push(chunk as Uint8Array<ArrayBuffer>);
  });
  for (const { path, file } of artifact.files) {
    const content = new Uint8Array(await file.arrayBuffer());
    const entry = new ZipDeflate(path, { level: 6 });
    entry.os = 3;
    entry.attrs = (isScript(content) ? 0o100755 : 0o100644) * 0x10000;
    entry.mtime = file.lastModified;
    zip.add(entry);
    entry.push(content, true);
  }
  zip.end();
  if (problem) throw problem;
  return new Blob(parts, { type: 'application/zip' });
}

const isScript = ([first, second]: Uint8Array) => first === 0x23 && second === 0x21;

export const sizeOf = (artifact: Artifact): number =>
  artifact.kind === 'zip' ? artifact.file.size : artifact.files.reduce((sum, { file }) => sum + file.size, 0);
