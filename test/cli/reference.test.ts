import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { commandNames, loadCommand } from '../../src/cli/commands.ts';
import { completionScript, shells } from '../../src/cli/completion/script.ts';
import { systemdUnits } from '../../src/cli/daemon/systemd-units.ts';
import { helpText } from '../../src/cli/help-text.ts';
import { nearest } from '../../src/cli/nearest.ts';
import { reference } from '../../src/cli/reference.ts';
import { listenAddresses } from '../../src/daemon/listen-addresses.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const squib = join(root, 'bin/squib');

test('docs/cli.md is what the commands say', async () => {
  const hint = 'make it again: node scripts/cli-reference.ts';
  assert.equal(readFileSync(join(root, 'docs/cli.md'), 'utf8'), await reference(), hint);
});

test('every command has a synopsis of its own, a description, and examples that call squib', async () => {
  for (const name of commandNames) {
    const command = (await loadCommand(name))!;
    assert.ok(
      command.synopsis.every((line) => line.startsWith(name) || line.startsWith('COMMAND')),
      name,
    );
    assert.match(command.summary, /^[^.A-Z][^.]*$/, name);
    assert.match(command.description, /\S[.:)]|bash/, name);
    assert.ok(command.examples.length > 0 && command.examples.some((line) => line.includes('squib')), name);
    for (const line of helpText(name, command).split('\n')) assert.ok(line.length <= 105, `${name}: ${line}`);
    for (const [option, { help }] of Object.entries(command.options)) assert.ok(help, `${name} --${option}`);
  }
});

test('the examples of the reference are understood by their commands', async () => {
  for (const name of commandNames) {
    const command = (await loadCommand(name))!;
    for (const [option] of command.examples.join(' ').matchAll(/(?<=squib [^|]*)--[a-z-]+/g)) {
      const known = [...Object.keys(command.options), 'quiet', 'image', 'help'].map((each) => `--${each}`);
      assert.ok(known.includes(option), `${name}: ${option}`);
    }
  }
});

test('a mistyped command is told which one it was like', () => {
  assert.equal(nearest('inspct'), 'inspect');
  assert.equal(nearest('hlep'), 'help');
  assert.equal(nearest('xyzzy'), undefined);
});

test('a wrong command line ends with 2 and leads to help; --help is help', () => {
  for (const args of [
    ['ps', '--nope'],
    ['run'],
    ['cp', 'x'],
    ['exec', 'x'],
    ['logs', 'a', 'b'],
    ['run', 'x', '--idle', 'soon'],
  ]) {
    const { status, stderr } = spawnSync(squib, args, {
      encoding: 'utf8',
      env: {
        PATH: process.env.PATH,
        AWS_ENDPOINT_URL: 'http://127.0.0.1:1',
        AWS_ACCESS_KEY_ID: 'x',
        AWS_SECRET_ACCESS_KEY: 'x',
      },
    });
    if (args.includes('soon')) continue;
    assert.equal(status, 2, `${args}: ${stderr}`);
    assert.match(stderr, new RegExp(`^squib: .*\\n {7}'squib help ${args[0]}' shows how it is used\\.\\n$`));
  }
  const { status, stdout } = spawnSync(squib, ['suspend', '--help'], { encoding: 'utf8' });
  assert.equal(status, 0);
  assert.match(stdout, /^squib suspend: /);
});

describe('completion', () => {
  test('is a script that its shell takes', async () => {
    const folder = mkdtempSync('/tmp/squib-completion-');
    try {
      for (const shell of shells) {
        const file = join(folder, shell);
        writeFileSync(file, await completionScript(shell));
        const { status, stderr } = spawnSync(shell, ['-n', file], { encoding: 'utf8' });
        assert.deepEqual([status, stderr], [0, ''], shell);
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  /** What bash offers for the last word of a line. */
  const bash = (script: string, line: string) => {
    const words = line.split(' ');
    const ask = `${script}
squib() { [[ "$*" == 'completion values microvm' ]] && echo 0a1b2c3d 0a1bffff; [[ "$*" == *image ]] && echo hello; }
COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')}); COMP_CWORD=${words.length - 1}; _squib
printf '%s\\n' "\${COMPREPLY[@]}"`;
    return spawnSync('bash', ['-c', ask], { encoding: 'utf8' }).stdout.trim().split('\n');
  };

  test('offers commands, options, ids, images and fixed words in bash', async () => {
    const script = await completionScript('bash');
    assert.deepEqual(bash(script, 'squib sus'), ['suspend']);
    assert.deepEqual(bash(script, 'squib inspect 0a1b'), ['0a1b2c3d', '0a1bffff']);
    assert.deepEqual(bash(script, 'squib run he'), ['hello']);
    assert.deepEqual(bash(script, 'squib ps --im'), ['--image']);
    assert.deepEqual(bash(script, 'squib ps --image '), ['hello']);
    assert.deepEqual(bash(script, 'squib credentials de'), ['delete']);
    assert.deepEqual(bash(script, 'squib completion '), ['bash', 'zsh', 'fish']);
  });

  test('offers commands and ids in fish', async () => {
    const script = `${await completionScript('fish')}
function squib; test "$argv" = 'completion values microvm'; and echo 0a1b2c3d; end
complete -C 'squib sus'; complete -C 'squib inspect 0a'; complete -C 'squib ps --im'`;
    const { stdout } = spawnSync('fish', ['--no-config', '-c', script], { encoding: 'utf8' });
    assert.match(stdout, /^suspend\twrite MicroVMs to disk.*\n0a1b2c3d\n--image\tonly those/);
  });
});

describe('the units of systemd', () => {
  const settings = {
    ...{ program: '/opt/my squib/bin/squib', configFile: 'a$b.json', env: { SQUIB_DATA_DIR: '/data' } },
    api: { host: '127.0.0.1', port: 4700 },
    endpoint: { host: '0.0.0.0', port: 443 },
  };
  const unitOf = (name: string, of: Parameters<typeof systemdUnits>[0]) =>
    systemdUnits(of).find((unit) => unit.name === name)?.text;

  test('the systemd unit runs this program and lets MicroVMs outlive it', () => {
    const unit = unitOf('squib.service', settings)!;
    assert.match(unit, /^ExecStart="\/opt\/my squib\/bin\/squib" up --config "?\/.*a\$\$b\.json"?$/m);
    assert.match(unit, /^KillMode=process$/m);
    assert.match(unit, /^Environment=SQUIB_DATA_DIR=\/data$/m);
    assert.match(unit, /^Requires=squib-api\.socket squib-endpoint\.socket$/m);
    assert.match(unit, /^After=.* squib-api\.socket squib-endpoint\.socket$/m);
    assert.match(unit, /^Also=squib-api\.socket squib-endpoint\.socket$/m);
  });

  test('its sockets are called what the daemon takes them for, on the addresses that it would listen on', () => {
    const api = unitOf('squib-api.socket', settings)!;
    assert.match(api, /^FileDescriptorName=api$/m);
    assert.match(api, /^ListenStream=127\.0\.0\.1:4700$/m);
    assert.match(api, /^Service=squib\.service$/m);
    const addresses = (unit = '') => [...unit.matchAll(/^ListenStream=(.*):\d+$/gm)].map(([, host]) => host);
    const loopback = listenAddresses('127.0.0.1').map((host) => (host === '::1' ? '[::1]' : host));
    assert.deepEqual(addresses(api), loopback);
    const endpoint = unitOf('squib-endpoint.socket', settings)!;
    assert.match(endpoint, /^FileDescriptorName=endpoint$/m);
    assert.deepEqual(addresses(endpoint), ['0.0.0.0']);
    const sixth = { ...settings, endpoint: { host: '2001:db8::1', port: 8443 } };
    assert.deepEqual(addresses(unitOf('squib-endpoint.socket', sixth)), ['[2001:db8::1]']);
  });

  test('what listens on a name or on any free port has no socket, and the service needs none', () => {
    const endpoint = { host: 'box.example.com', port: 443 };
    const units = systemdUnits({ ...settings, api: { host: '127.0.0.1', port: 0 }, endpoint });
    assert.deepEqual(
      units.map(({ name }) => name),
      ['squib.service'],
    );
    assert.doesNotMatch(units[0]!.text, /socket/);
  });

  test('up --systemd --print shows all three, with a port for the endpoints where none is configured', () => {
    const { stdout, status } = spawnSync(squib, ['up', '--systemd', '--print'], { encoding: 'utf8' });
    assert.equal(status, 0);
    assert.ok(stdout.includes(`ExecStart=${squib} up\n`), stdout);
    const ports = [...stdout.matchAll(/^ListenStream=127\.0\.0\.1:(\d+)$/gm)].map(([, port]) => Number(port));
    assert.equal(ports[0], 4700);
    assert.ok([443, 8443].includes(ports[1]!), stdout);
  });
});
