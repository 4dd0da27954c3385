import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type ContainerSpec, GuestConnection } from '../../src/guest/guest-connection.ts';
import { bootMs, startMachine } from './support/machine.ts';

const spec: ContainerSpec = {
  argv: [],
  env: {},
  cwd: '/work',
  uid: 0,
  gid: 0,
  groups: [],
  hostname: 'microvm',
  allCapabilities: false,
};

/** What the container's command prints in a machine of its own, and its exit code. */
async function runAlone(wanted: Partial<ContainerSpec>, script: string) {
  const machine = await startMachine();
  try {
    const guest = await GuestConnection.open(await machine.channel(), { timeoutMs: bootMs });
    let output = '';
    guest.onOutput((_stream, chunk) => {
      output += chunk;
    });
    const exited = new Promise<number>((resolve) => guest.onContainerExit(resolve));
    await guest.startContainer({ ...spec, ...wanted, argv: ['sh', '-c', script] });
    const code = await exited;
    return { output, code };
  } finally {
    await machine.stop();
  }
}

test('a container of another user has that user’s rights and none of root’s', async () => {
  const { output, code } = await runAlone(
    { uid: 1000, gid: 1001, groups: [7, 9] },
    'id; cat /proc/self/status; echo "home $HOME"; echo again > /dev/stdout; echo x > /etc/x; exit 9',
  );
  assert.match(output, /uid=1000\(app\) gid=1001 groups=1001,7,9/);
  assert.match(output, /CapEff:\t0000000000000000/);
  assert.match(output, /CapPrm:\t0000000000000000/);
  assert.match(output, /CapBnd:\t00000000a80425fb/);
  assert.match(output, /^home \/home\/app$/m);
  assert.match(output, /^again$/m);
  assert.match(output, /\/etc\/x: Permission denied/);
  assert.equal(code, 9);
});

test('a container with all capabilities may mount, sees its cgroups and can raise its limits', async () => {
  const { output, code } = await runAlone(
    { allCapabilities: true },
    'cat /proc/self/status /proc/self/cgroup; ls -l /dev/fuse; ls /sys/fs/cgroup; mount -t tmpfs none /tmp && echo mounted; ' +
      'ulimit -n 4096 && echo raised; unshare -m sh -c "echo unshared"; exit 5',
  );
  assert.match(output, /CapEff:\t000001ffffffffff/);
  assert.match(output, /^0::\/system\.slice\/app$/m);
  assert.match(output, /crw-rw-rw- \d+ root \S+ 10, 229 .*\/dev\/fuse/);
  assert.match(output, /^cgroup\.procs$/m);
  for (const word of ['mounted', 'raised', 'unshared']) assert.match(output, new RegExp(`^${word}$`, 'm'));
  assert.equal(code, 5);
});
