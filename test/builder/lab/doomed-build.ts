/** A process of its own that builds until it is killed: `doomed-build.ts WORKDIR ZIP`. Prints the log. */
import { createImageBuilder } from '../../../src/host/builder/image-builder.ts';
import { createLog } from '../../../src/log/log.ts';
import { ensureStandInImages } from '../../../src/setup/stand-in-images.ts';
import { cacheDir } from './lab.ts';

const [workDir, zipPath] = process.argv.slice(2);
const mirrors = await ensureStandInImages(cacheDir, () => {});
await createImageBuilder({ cacheDir, mirrors, log: createLog(() => {}) }).build({
  id: 'doomed',
  zipPath: zipPath!,
  workDir: workDir!,
  diskBytes: 2 ** 30,
  signal: new AbortController().signal,
  onLog: (line) => console.log(line),
});
