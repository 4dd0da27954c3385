import assert from 'node:assert/strict';
import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { after, beforeEach, describe, test } from 'node:test';
import { type Config, readConfig } from '../../src/config/config.ts';
import { examineSecurity } from '../../src/setup/examine-security.ts';

/** A host as it should be: path → content. */
const hardened: Record<string, string> = {
  '/sys/kernel/mm/ksm/run': '0\n',
  '/sys/devices/system/cpu/smt/control': 'off\n',
  '/sys/devices/system/cpu/smt/active': '0\n',
  '/sys/devices/system/cpu/vulnerabilities/meltdown': 'Mitigation: PTI\n',
  '/sys/devices/system/cpu/vulnerabilities/mds': 'Not affected\n',
  '/proc/cmdline': 'root=/dev/vda quiet\n',
  '/proc/sys/kernel/unprivileged_userns_clone': '0\n',
  '/proc/sys/kernel/dmesg_restrict': '1\n',
  '/proc/sys/kernel/kptr_restrict': '2\n',
  '/proc/sys/kernel/unprivileged_bpf_disabled': '2\n',
  '/proc/sys/kernel/yama/ptrace_scope': '1\n',
  '/proc/sys/kernel/core_pattern': 'core\n',
  '/proc/swaps': 'Filename Type Size Used Priority\n/dev/zram0 partition 1000 0 100\n',
  '/etc/passwd': 'root:x:0:0:root:/root:/bin/sh\nme:x:1000:1000::/home/me:/bin/sh\n',
  '/etc/subuid': 'me:100000:65536\n',
  '/sys/class/dmi/id/sys_vendor': 'QEMU\n',
  '/data/keys/seal.key': 'x',
  '/data/keys/ca.pem': 'x',
  '/cache/bin/jailer': 'x',
  '/cache/kernel/vmlinuz': 'x',
  '/secret/role.json': '{}',
};

describe('squib doctor --security', () => {
  const root = mkdtempSync('/tmp/sq-doctor-');
  after(() => rmSync(root, { recursive: true, force: true }));
  const config: Config = {
    ...readConfig(undefined, {}),
    ...{ dataDir: '/data', cacheDir: '/cache' },
    roles: { 'arn:aws:iam::000000000000:role/app': { credentialsFile: '/secret/role.json' } },
  };
  const put = (path: string, content: string, mode = 0o644) => {
    const file = join(root, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content);
    chmodSync(file, mode);
  };
  beforeEach(() => {
    rmSync(root, { recursive: true, force: true });
    mkdirSync(root);
    for (const [path, content] of Object.entries(hardened))
      put(path, content, /^\/(data|secret)/.test(path) ? 0o600 : 0o644);
    chmodSync(join(root, 'data'), 0o700);
  });
  const findings = (more: Partial<Config> = {}) => examineSecurity({ ...config, ...more }, root);
  /** Subjects that are not fine, by their state. */
  const complaints = (more: Partial<Config> = {}) =>
    Object.fromEntries(
      findings(more).flatMap(({ subject, state }) => (state === 'ok' ? [] : [[subject, state]])),
    );

  test('finds nothing on a hardened host, and looked at every subject', () => {
    assert.deepEqual(complaints(), {});
    assert.equal(findings().length, 13);
  });

  for (const [what, path, content, expected] of [
    ['KSM', '/sys/kernel/mm/ksm/run', '1', { 'shared memory pages': 'warning' }],
    [
      'an unmitigated fault',
      '/sys/devices/system/cpu/vulnerabilities/mds',
      'Vulnerable: no microcode',
      { 'processor faults': 'warning' },
    ],
    ['mitigations=off', '/proc/cmdline', 'quiet mitigations=off', { 'processor faults': 'warning' }],
    [
      'user namespaces for all',
      '/proc/sys/kernel/unprivileged_userns_clone',
      '1',
      { 'user namespaces': 'warning' },
    ],
    ['BPF for all', '/proc/sys/kernel/unprivileged_bpf_disabled', '0', { 'kernel interfaces': 'warning' }],
    ['tracing', '/proc/sys/kernel/yama/ptrace_scope', '0', { tracing: 'warning' }],
    [
      'a collector of core dumps',
      '/proc/sys/kernel/core_pattern',
      '|/usr/lib/systemd/systemd-coredump %P',
      { 'core dumps': 'warning' },
    ],
    ['plain swap', '/proc/swaps', 'Filename\n/dev/sda2 partition 1 0 -2', { swap: 'warning' }],
    [
      'an account among QEMU’s user ids',
      '/etc/passwd',
      'x:x:700123:1::/:/bin/sh',
      { 'user ids of QEMU': 'problem' },
    ],
    ['a range of them given away', '/etc/subuid', 'me:699990:65536', { 'user ids of QEMU': 'problem' }],
    ['a cloud', '/sys/class/dmi/id/sys_vendor', 'Amazon EC2', { cloud: 'warning' }],
  ] as const)
    test(`finds ${what}`, () => {
      put(path, content);
      assert.deepEqual(complaints(), expected);
    });

  test('finds threads that share a core', () => {
    put('/sys/devices/system/cpu/smt/control', 'on');
    put('/sys/devices/system/cpu/smt/active', '1');
    assert.deepEqual(complaints(), { 'processor threads': 'warning' });
  });

  test('finds an API that the network reaches', () => {
    assert.deepEqual(complaints({ api: { host: '0.0.0.0', port: 4700 } }), { API: 'warning' });
  });

  test('finds secrets that others may read, and says which', () => {
    chmodSync(join(root, 'secret/role.json'), 0o640);
    chmodSync(join(root, 'data/keys/seal.key'), 0o604);
    assert.deepEqual(complaints(), { 'secrets on disk': 'problem' });
    const finding = findings().find(({ subject }) => subject === 'secrets on disk');
    assert.match(finding?.detail ?? '', /\/secret\/role\.json, \/data\/keys\/seal\.key$/);
  });

  test('finds a data directory for everybody', () => {
    chmodSync(join(root, 'data'), 0o755);
    assert.deepEqual(complaints(), { 'secrets on disk': 'problem' });
  });

  test('finds programs that others may change, themselves or a folder above them', () => {
    chmodSync(join(root, 'cache/bin/jailer'), 0o775);
    assert.deepEqual(complaints(), { programs: 'problem' });
    chmodSync(join(root, 'cache/bin/jailer'), 0o755);
    chownSync(join(root, 'cache'), 1000, 1000);
    assert.deepEqual(complaints(), { programs: 'problem' });
  });

  test('every complaint says what to do', () => {
    for (const path of Object.keys(hardened)) if (path.startsWith('/proc')) put(path, '0');
    for (const { state, remedy } of findings()) assert.ok(state === 'ok' || remedy);
  });
});
