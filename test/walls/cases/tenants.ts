// What belongs to other tenants: files, processes and pages, from a QEMU that was taken over and from inside.
import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { get, run, type TestMicrovm } from '../../support/microvms.ts';
import { check, one, squib, terminate } from '../lab/world.ts';

const program = readFileSync(fileURLToPath(new URL('./trespass.py', import.meta.url)), 'utf8');
const uidOf = (pid: number) => statSync(`/proc/${pid}`).uid;

export async function tenantCases(image: string, neighbour: TestMicrovm): Promise<void> {
  await check(
    'the user of one MicroVM’s QEMU reaches no file, socket or process of squib or of others',
    async () => {
      const attacker = await run(squib, image);
      const uid = uidOf(attacker.pid());
      assert.notEqual(uid, uidOf(neighbour.pid()));
      assert.ok(uid >= squib.config.firstUid);
      const { dataDir } = squib.config;
      const files = readdirSync(dataDir, { recursive: true, withFileTypes: true })
        .filter((entry) => !entry.isDirectory())
        .map((entry) => join(entry.parentPath, entry.name));
      for (const name of ['squib.db', 'keys/ca.key', 'disk.qcow2', 'qmp.sock', 'channel.sock', 'memory'])
        assert.ok(
          files.some((file) => file.endsWith(name)),
          `no ${name} among ${files.length} files`,
        );
      const who = [`--reuid=${uid}`, `--regid=${uid}`, '--clear-groups', '--bounding-set=-all'];
      const pids = [neighbour.pid(), squib.pid].map(String);
      const { stdout, stderr, status } = spawnSync(
        'setpriv',
        [
          ...who,
          '--',
          '/usr/bin/env',
          '-i',
          'PATH=/usr/bin:/bin',
          'python3',
          '-c',
          program,
          dataDir,
          ...pids,
        ],
        { input: files.join('\0'), encoding: 'utf8', cwd: '/' },
      );
      assert.equal(status, 0, stderr);
      assert.deepEqual(JSON.parse(stdout), []);
      await terminate(attacker);
    },
  );

  await check('freed memory and disk of one MicroVM are not in the next one', async () => {
    const victim = await run(squib, image);
    for (let i = 0; i < 300 && (await victim.send('/')).status !== 200; i++) await sleep(100);
    assert.deepEqual(await one(victim, 'mark', { mib: 64 }), { ok: 'marked' });
    const own = (await one(victim, 'marked_pages', { mib: 64 })).ok as [number, number];
    // The search finds them where they are: it looks at the whole memory, page by page.
    assert.ok(own[1] >= 64 * 256, `${own}`);
    await terminate(victim);
    while ((await get(squib, victim.id)).state !== 'TERMINATED') await sleep(50);
    const next = await run(squib, image);
    for (let i = 0; i < 300 && (await next.send('/')).status !== 200; i++) await sleep(100);
    const [looked, found] = (await one(next, 'marked_pages')).ok as [number, number];
    assert.ok(looked > 400_000, `${looked} pages`); // nearly all of 2 GiB
    assert.equal(found, 0);
    await terminate(next);
  });
}
