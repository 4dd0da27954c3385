// Runs in a MicroVM, whose kernel has control groups of version 2 only, with squib's own code for them.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';
import { ControlGroup } from '../../../src/control-groups/control-group.ts';
import { diskDevice } from '../../../src/control-groups/disk-device.ts';
import { readLayout } from '../../../src/control-groups/layout.ts';
import { usableControllers } from '../../../src/control-groups/usable.ts';

const MiB = 1024 ** 2;

/** Runs a program in the groups, as the jailer does: it joins first, then becomes what it is. */
async function within(
  group: ControlGroup,
  script: string,
): Promise<{ code: number | null; signal: string | null; out: string }> {
  const joins = group.folders().map((folder) => `echo 0 >${folder}/cgroup.procs`);
  const child = spawn('/bin/sh', [
    '-ec',
    `${joins.join('; ')}; exec "$@"`,
    'sh',
    process.execPath,
    '-e',
    script,
  ]);
  let out = '';
  child.stdout.on('data', (chunk) => {
    out += chunk;
  });
  const [code, signal] = await once(child, 'close');
  return { code, signal, out };
}

async function tryAll(): Promise<object> {
  const layout = await readLayout();
  const device = diskDevice('/app');
  const usable = await usableControllers(device);
  const parent = await ControlGroup.make('squib-parent', { memoryBytes: 1024 * MiB, share: 8 }, layout);
  const limits = {
    ...{ processors: 0.5, share: 2, memoryBytes: 200 * MiB, processes: 40 },
    disk: { device: device ?? '', bytesPerSecond: 4 * MiB },
  };
  const group = await ControlGroup.make('squib-parent/one', limits, layout);
  const [folder = ''] = group.folders();
  const files = ['cpu.max', 'cpu.weight', 'memory.max', 'memory.oom.group', 'pids.max', 'io.max'];
  const set = Object.fromEntries(
    files.map((file) => [
      file,
      existsSync(`${folder}/${file}`) ? readFileSync(`${folder}/${file}`, 'utf8').trim() : '',
    ]),
  );
  const busy = await within(
    group,
    'const end = Date.now() + 2000; while (Date.now() < end); const { user, system } = process.cpuUsage(); console.log((user + system) / process.uptime() / 1e6)',
  );
  const forks = await within(
    group,
    'const { spawn } = require("child_process"); for (let i = 0; i < 60; i++) spawn("sleep", ["5"]).on("error", (e) => { console.log(e.code); process.exit(0) })',
  );
  const before = await group.ranOutOfMemory();
  const hog = await within(group, 'const kept = []; for (;;) kept.push(Buffer.alloc(8 << 20, 1))');
  const after = await group.ranOutOfMemory();
  const folders = group.folders();
  while (!(await group.remove(1))) await sleep(50);
  await parent.remove();
  const gone = folders.every((each) => !existsSync(each));
  return { layout, device, usable, folders, set, busy, forks, hog, before, after, gone };
}

createServer((request, response) => {
  if (request.url !== '/try') {
    response.end('here');
    return;
  }
  tryAll().then(
    (result) => response.end(JSON.stringify(result)),
    (error) => response.writeHead(500).end(error.stack),
  );
}).listen(8080);
