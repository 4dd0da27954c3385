// Makes a fresh clone ready and runs one of squib's programs under the Node.js that squib needs.
// Plain JavaScript without dependencies, because nothing is installed yet and the machine's Node.js may be old.
import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const node = join(root, 'node_modules', '.bin', 'node');
const stamp = join(root, 'node_modules', '.squib-installed');

function run(command, args, options = {}) {
  const { status, error, signal } = spawnSync(command, args, { stdio: 'inherit', cwd: root, ...options });
  if (error) {
    console.error(`squib: ${command} could not be started: ${error.message}`);
    process.exit(1);
  }
  if (status !== 0) process.exit(signal ? 1 : status);
}

const lock = createHash('sha256')
  .update(readFileSync(join(root, 'package-lock.json')))
  .digest('hex');
if (!existsSync(stamp) || readFileSync(stamp, 'utf8') !== lock) {
  console.log('squib: installing npm packages (npm ci), Node.js 24 among them');
  run('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error']);
  writeFileSync(stamp, lock);
}
if (!existsSync(node)) {
  console.error(
    `squib: there is no Node.js 24 for ${process.platform} ${process.arch}; Linux on x64 or arm64 is needed.`,
  );
  process.exit(1);
}

// Options before the program are for the set-up; without a program the set-up is all.
const given = process.argv.slice(2);
const first = given.findIndex((arg) => !arg.startsWith('--'));
const setupFlags = first < 0 ? given : given.slice(0, first);
const [program, ...args] = first < 0 ? [] : given.slice(first);

const asRoot =
  process.getuid() === 0 ? [] : ['sudo', '--preserve-env=SQUIB_CONFIG,SQUIB_DATA_DIR,SQUIB_CACHE_DIR'];
if (asRoot.length > 0) {
  console.log('squib: virtual machines, namespaces and mounts need root; sudo may ask for your password');
}
const start = (file, rest) => {
  const [command, ...before] = [...asRoot, node];
  run(command, [...before, join(root, file), ...rest], {
    env: { ...process.env, PATH: `${dirname(node)}:${process.env.PATH}` },
  });
};
start('src/setup/main.ts', setupFlags);
if (program) start(program, args);
