import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { TestSquib } from '../support/squib.ts';

const program = fileURLToPath(new URL('../../bin/squib', import.meta.url));
const squib = (args: string[], env: Record<string, string> = {}) =>
  spawnSync(program, args, { encoding: 'utf8', env: { ...process.env, ...env } });

describe('the command line', () => {
  let folder: string;
  before(() => {
    folder = mkdtempSync('/tmp/squib-');
  });
  after(() => rmSync(folder, { recursive: true, force: true }));

  test('a machine without QEMU is told what is missing and what to do; nothing is left', () => {
    const empty = { SQUIB_CACHE_DIR: join(folder, 'cache'), SQUIB_DATA_DIR: join(folder, 'data') };
    const up = squib(['up'], empty);
    assert.equal(up.status, 1);
    assert.match(up.stderr, /The runtime tree .* is missing/);
    assert.match(up.stderr, /Run 'squib setup'/);
    assert.deepEqual(
      readdirSync(join(folder, 'data')).filter((name) => !['lock', 'pid'].includes(name)),
      [],
    );
    const doctor = squib(['doctor'], empty);
    assert.equal(doctor.status, 1);
    assert.match(doctor.stdout, /✗ runtime tree .*\n.*→ Run 'squib setup'\./);
    assert.match(doctor.stdout, /\d to put right first/);
  });

  test('doctor finds nothing that keeps squib from working on a machine that was set up', () => {
    const { status, stdout } = squib(['doctor', '--json'], { SQUIB_DATA_DIR: join(folder, 'data') });
    const findings: { subject: string; state: string; detail: string }[] = JSON.parse(stdout);
    const problems = findings.filter(
      ({ state, subject }) => state === 'problem' && !subject.endsWith('port'),
    );
    assert.deepEqual(problems, []);
    assert.ok(status === 0 || findings.some(({ state }) => state === 'problem'));
    assert.match(
      findings.find(({ subject }) => subject === 'engine')?.detail ?? '',
      /^QEMU with (TCG|KVM): ./,
    );
  });

  test('a wrong setting is named', () => {
    const file = join(folder, 'config.json');
    for (const [config, problem] of [
      ['{"apii": {}}', "Setting 'apii' in .* is not a setting of squib"],
      ['{"api": {"port": "x"}}', "Setting 'api.port' in .* must be a number"],
      ['{"accountId": "1"}', "Setting 'accountId' in .* must have 12 digits"],
      ['{', 'is not JSON'],
    ] as const) {
      writeFileSync(file, config);
      const { status, stderr } = squib(['up', '--config', file]);
      assert.equal(status, 1);
      assert.match(stderr, new RegExp(problem));
    }
    assert.match(squib(['up', '--config', '/nowhere']).stderr, /\/nowhere cannot be read/);
  });

  test('unknown commands and options end with code 2, without a stack trace', () => {
    for (const args of [['nonsense'], ['up', '--nonsense']]) {
      const { status, stderr } = squib(args);
      assert.equal(status, 2);
      assert.doesNotMatch(stderr, /\n\s+at /);
    }
  });

  test('help lists every command, and explains each', () => {
    const { stdout } = squib(['help']);
    for (const command of ['up', 'env', 'doctor', 'setup']) {
      assert.match(stdout, new RegExp(`^ {2}${command} `, 'm'));
      assert.match(squib(['help', command]).stdout, new RegExp(`squib ${command}`));
    }
  });

  test('env before the first start says so', () => {
    mkdirSync(join(folder, 'data'), { recursive: true });
    const { status, stderr } = squib(['env'], { SQUIB_DATA_DIR: join(folder, 'data') });
    assert.equal(status, 1);
    assert.match(stderr, /Start squib first/);
  });

  test('a second squib on the same data directory is refused, and what env prints opens the API', async () => {
    const first = await TestSquib.start();
    try {
      const file = join(first.config.dataDir, 'config.json');
      const second = squib(['up', '--config', file]);
      assert.equal(second.status, 1);
      assert.match(second.stderr, /Another squib is up on the data directory/);
      const env = squib(['env', '--config', file]).stdout;
      assert.match(
        env,
        new RegExp(`^export AWS_ENDPOINT_URL='http://localhost:${first.config.api.port}'$`, 'm'),
      );
      assert.match(env, /^export AWS_SECRET_ACCESS_KEY='\S+'$/m);
    } finally {
      await first.remove();
    }
  });
});
