import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statfsSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeLogStreamsCommand, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { askResume, askSuspend, suspend, terminate } from '../support/lifecycle.ts';
import { get, isAlive, run, until } from '../support/microvms.ts';
import { startWithProbe } from '../support/probe.ts';
import type { TestSquib } from '../support/squib.ts';

/** Changes a read-only file of JSON. */
function edit(path: string, change: (content: string) => string): void {
  chmodSync(path, 0o644);
  writeFileSync(path, change(readFileSync(path, 'utf8')));
}

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 1;
  chmodSync(path, 0o644);
  writeFileSync(path, bytes);
}

describe('what is damaged, does not fit or finds no room is said in words, and nothing else is lost', () => {
  let squib: TestSquib;
  let image: string;
  let mount: string;

  before(async () => {
    mount = mkdtempSync('/tmp/squib-small-');
    const made = spawnSync('mount', ['-t', 'tmpfs', '-o', 'size=3g,mode=0700', 'tmpfs', mount]);
    assert.equal(made.status, 0, String(made.stderr));
    ({ squib, image } = await startWithProbe({ dataDir: join(mount, 'data') }));
  });
  after(async () => {
    await squib?.remove();
    spawnSync('umount', ['--lazy', mount]);
    rmSync(mount, { recursive: true, force: true });
  });

  test('a suspend that finds the disk full leaves the MicroVM running; with room it works', async () => {
    const microvm = await run(squib, image);
    assert.equal((await microvm.json('/')).count, 1);
    await microvm.json('/touch-memory?mib=48');
    const filler = join(mount, 'filler');
    const { bavail, bsize } = statfsSync(mount);
    // What the database needs is left, what the pages need is not.
    writeFileSync(filler, '');
    const filled = spawnSync('fallocate', ['-l', `${bavail * bsize - 16 * 1024 * 1024}`, filler]);
    assert.equal(filled.status, 0, String(filled.stderr));
    await askSuspend(squib, microvm.id);
    while ((await get(squib, microvm.id)).state !== 'RUNNING') await sleep(20);
    const { stateReason } = await get(squib, microvm.id);
    assert.match(String(stateReason), /^The MicroVM could not be suspended: ENOSPC/);
    assert.equal((await microvm.json('/')).count, 2);
    assert.deepEqual(
      readdirSync(squib.layout.microvm(microvm.id)).filter((name) => name.startsWith('suspended')),
      [],
    );
    rmSync(filler);
    await suspend(squib, microvm.id);
    assert.equal((await get(squib, microvm.id)).stateReason, undefined);
    assert.equal((await microvm.json('/')).count, 3);
    await terminate(squib, microvm.id);
  });

  const damages: Record<string, (dir: string) => void> = {
    'a flipped bit in the pages': (dir) => flip(join(dir, 'suspended/pages'), 100_000),
    'pages cut short': (dir) => truncateSync(join(dir, 'suspended/pages'), 50_000),
    'a flipped bit in the device state': (dir) => flip(join(dir, 'suspended/devices'), 5000),
    'a changed manifest': (dir) => flip(join(dir, 'suspended/manifest.json'), 40),
    'no disk': (dir) => rmSync(join(dir, 'disk.qcow2')),
  };
  for (const [name, damage] of Object.entries(damages)) {
    test(`${name}: the MicroVM ends with a reason, the files are kept, the caller gets 502`, async () => {
      const microvm = await run(squib, image);
      await suspend(squib, microvm.id);
      damage(squib.layout.microvm(microvm.id));
      assert.equal((await microvm.send('/')).status, 502);
      for (;;) {
        const { state, stateReason } = await get(squib, microvm.id);
        if (state !== 'TERMINATED') {
          await sleep(20);
          continue;
        }
        assert.match(String(stateReason), /^The saved state of the MicroVM is damaged: /);
        assert.doesNotMatch(String(stateReason), /\/tmp/, 'no path of the host');
        break;
      }
      assert.ok(existsSync(join(squib.layout.damaged, microvm.id, 'suspended')));
      assert.ok(!existsSync(squib.layout.microvm(microvm.id)));
    });
  }

  test('suspended on a snapshot that does not fit this host: it stays suspended and says why, until it fits', async () => {
    const microvm = await run(squib, image);
    assert.equal((await microvm.json('/')).count, 1);
    await suspend(squib, microvm.id);
    const manifest = join(squib.layout.version('probe', '1.0'), 'manifest.json');
    const kept = readFileSync(manifest, 'utf8');
    edit(manifest, (text) => text.replace('"accelerator": "tcg"', '"accelerator": "kvm"'));
    assert.equal((await microvm.send('/')).status, 502);
    const { state, stateReason } = await get(squib, microvm.id);
    assert.equal(state, 'SUSPENDED');
    assert.match(
      String(stateReason),
      /could not be resumed: .*does not fit this host.*accelerator kvm.*has tcg/s,
    );
    assert.match(squib.log, /does not fit this host/);
    edit(manifest, () => kept);
    assert.equal((await microvm.json('/')).count, 2);
    assert.equal((await get(squib, microvm.id)).stateReason, undefined);
    await terminate(squib, microvm.id);
  });

  test('a version whose snapshot does not fit or is damaged is made again at RunMicrovm, once', async () => {
    const before = await run(squib, image);
    assert.equal((await before.json('/')).count, 1);
    await suspend(squib, before.id);
    const version = squib.layout.version('probe', '1.0');
    const manifest = join(version, 'manifest.json');
    const kept = readFileSync(manifest, 'utf8');
    edit(manifest, (text) => text.replace(/"qemuVersion": "\d+/, '"qemuVersion": "99'));

    const [one, other] = await Promise.all([run(squib, image), run(squib, image)]);
    assert.equal((await one.json('/')).count, 1);
    assert.equal((await one.json('/environment')).GREETING, 'hello');
    assert.deepEqual((await other.json('/state')).hooks, ['ready', 'run']);
    const rebuilt = readdirSync(version).filter((name) => name.startsWith('rebuilt-'));
    assert.equal(rebuilt.length, 1, 'one snapshot for both');
    assert.match(squib.log, /"snapshot\.rebuild".*QEMU 99\.\d+\.\d+, and this host has/);
    assert.match(await rebuildLog(), /made again\. It was made with QEMU 99.*\n(.*\n)*.*was made again\./);
    assert.deepEqual(readdirSync(squib.layout.builds), []);

    await suspend(squib, one.id);
    assert.equal((await one.json('/')).count, 2, 'it resumes on the new snapshot');
    edit(manifest, () => kept);
    assert.equal((await before.json('/')).count, 2, 'the old one is still there for those who need it');
    await suspend(squib, one.id);
    assert.equal((await one.json('/')).count, 3, 'and the new one for its own');

    truncateSync(join(version, 'disk.qcow2'), 1000);
    const last = await run(squib, image);
    assert.equal((await last.json('/')).count, 1);
    for (const { id } of [before, one, other, last]) await terminate(squib, id);
  });

  async function rebuildLog(): Promise<string> {
    const { logs } = squib.clients;
    const logGroupName = '/aws/lambda-microvms/probe';
    const { logStreams = [] } = await logs.send(new DescribeLogStreamsCommand({ logGroupName }));
    const texts = await Promise.all(
      logStreams.map(async ({ logStreamName }) => {
        const read = new GetLogEventsCommand({ logGroupName, logStreamName, startFromHead: true });
        const { events = [] } = await logs.send(read);
        return events.map(({ message }) => message).join('\n');
      }),
    );
    return texts.filter((text) => text.includes('made again')).join('\n');
  }

  test('a QEMU that is killed while it resumes: the state is still there, the next request finds it', async () => {
    const microvm = await run(squib, image);
    assert.equal((await microvm.json('/')).count, 1);
    await microvm.json('/touch-memory?mib=200');
    await suspend(squib, microvm.id);
    const before = microvm.pid();
    await askResume(squib, microvm.id);
    for (;;) {
      const pid = existsSync(join(squib.layout.microvm(microvm.id), 'pid')) ? microvm.pid() : before;
      const committed = !existsSync(join(squib.layout.microvm(microvm.id), 'suspended'));
      assert.ok(!committed, 'the test was too slow to kill it in time');
      if (pid !== before && pid > 0 && isAlive(pid)) {
        process.kill(pid, 'SIGKILL');
        break;
      }
      await sleep(1);
    }
    await until(squib, microvm.id, 'SUSPENDED');
    while ((await get(squib, microvm.id)).stateReason === undefined) await sleep(10);
    assert.match(String((await get(squib, microvm.id)).stateReason), /^The MicroVM could not be resumed: /);
    assert.equal((await microvm.json('/')).count, 2);
    await terminate(squib, microvm.id);
  });
});
