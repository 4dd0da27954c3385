import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { buffer, text } from 'node:stream/consumers';
import { after, before, describe, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  type CommandSpec,
  type ContainerSpec,
  GuestConnection,
  GuestPortClosed,
  GuestRequestFailed,
} from '../../src/guest/guest-connection.ts';
import { marker } from '../../src/guest/protocol.ts';
import { ByteReader } from '../../src/host/files/byte-reader.ts';
import { encodeEntry, readEntry } from '../../src/host/files/entries.ts';
import { bootMs, startMachine, type TestMachine } from './support/machine.ts';

const spec: ContainerSpec = {
  argv: ['probe'],
  env: { PATH: '/:/usr/bin', NAME: 'λ value', MARKED: `x${marker.toString('latin1')}y` },
  cwd: '/work/deep',
  uid: 0,
  gid: 0,
  groups: [],
  hostname: 'microvm',
  allCapabilities: false,
};

let machine: TestMachine;
let guest: GuestConnection;
const output = { stdout: '', stderr: '' };

async function connect(): Promise<GuestConnection> {
  const connection = await GuestConnection.open(await machine.channel(), { timeoutMs: bootMs });
  connection.onOutput((stream, chunk) => {
    output[stream] += chunk.toString();
  });
  return connection;
}

/** Everything that a connection to the port says until its end. */
async function ask(port: number, question = ''): Promise<string> {
  const stream = await guest.dial(port);
  stream.end(question);
  return text(stream);
}

async function until(what: () => boolean | Promise<boolean>, milliseconds = 60_000): Promise<void> {
  const end = Date.now() + milliseconds;
  while (!(await what())) {
    assert.ok(Date.now() < end, 'it did not happen in time');
    await sleep(10);
  }
}

/** Runs a command line in the container as the shell does; the terminal's line ends are made plain. */
async function run(command: string): Promise<{ output: string; code: number }> {
  const shell = await guest.openShell({ columns: 200, rows: 50, argv: ['sh', '-c', command] });
  const all = await text(shell.stream);
  return { output: all.replaceAll('\r\n', '\n'), code: await shell.exited };
}

before(async () => {
  machine = await startMachine();
  guest = await connect();
});
after(() => machine.stop());

describe('the container', { concurrency: false }, () => {
  test('that cannot be started is refused with the step that failed, and another may be tried', async () => {
    await assert.rejects(
      guest.startContainer({ ...spec, argv: ['/nowhere'] }),
      (error: Error) => error instanceof GuestRequestFailed && /\/nowhere.*No such file/.test(error.message),
    );
    await assert.rejects(guest.startContainer({ ...spec, argv: [] }), GuestRequestFailed);
    await assert.rejects(guest.openShell({ columns: 0, rows: 0 }), GuestRequestFailed);
    assert.equal(guest.containerRunning, false);
  });

  test('starts once, found by its own PATH, and what it prints arrives', async () => {
    await guest.startContainer(spec);
    await until(() => output.stdout.includes('probe is up'));
    await until(() => output.stderr.includes('error stream'));
    await assert.rejects(guest.startContainer(spec), GuestRequestFailed);
  });

  test('has the capabilities, limits, cgroup and user of the specification', async () => {
    const { output: seen } = await run(
      'cat /proc/1/status /proc/1/limits /proc/1/cgroup; id; ls -l /dev/fuse; ls /sys/fs/cgroup; cat /etc/hostname',
    );
    for (const kind of ['CapEff', 'CapPrm', 'CapBnd'])
      assert.match(seen, new RegExp(`${kind}:\\t00000000a80425fb`));
    assert.match(seen, /NSpid:\t1\n/);
    assert.match(seen, /Max open files +1024 +1024/);
    assert.match(seen, /^0::\/system\.slice\/app$/m);
    assert.match(seen, /uid=0\(root\) gid=0/);
    assert.match(seen, /\/dev\/fuse': No such file/);
    assert.match(seen, /^microvm$/m);
  });

  test('has the environment, directory and null input that it was given', async () => {
    const { output: seen } = await run('cat /proc/1/environ; ls -l /proc/1/cwd /proc/1/fd/0');
    assert.ok(seen.includes('NAME=λ value') && seen.includes('HOME=/root'));
    assert.match(seen, /cwd -> \/work\/deep/);
    assert.match(seen, /0 -> \/dev\/null/);
  });

  test('cannot mount, make namespaces or devices that work, nor reach the kernel through /proc', async () => {
    const attempts = [
      'mount -t tmpfs none /tmp',
      'unshare -m id',
      'unshare -U id',
      'mknod /tmp/disk b 254 0 && head -c 1 /tmp/disk',
      'mknod /dev/disk b 254 0 && head -c 1 /dev/disk',
      'echo b > /proc/sysrq-trigger',
      'echo "|/x" > /proc/sys/kernel/core_pattern',
      'echo 1 > /sys/kernel/profiling',
      'ulimit -n 2000',
    ];
    for (const attempt of attempts) assert.notEqual((await run(attempt)).code, 0, attempt);
  });

  test('sees only its own processes and mounts', async () => {
    const { output: seen } = await run('cat /proc/mounts; ls /');
    assert.match(seen, /^\/dev\/vda \/ ext4 rw,nodev/m);
    assert.doesNotMatch(seen, /vport|\/disk|\/stage/);
    assert.match(seen, /shm \/dev\/shm tmpfs \S*size=65536k/);
  });
});

describe('a stream', { concurrency: false }, () => {
  test('carries bytes both ways and half-closes', async () => {
    assert.equal(await ask(7000, 'hello'), 'hellobye');
  });

  test('goes to ::1 where nobody listens on 127.0.0.1', async () => {
    assert.equal(await ask(7006, 'six'), 'sixbye');
  });

  test('to a closed port is refused', async () => {
    await assert.rejects(guest.dial(9), GuestPortClosed);
  });

  test('carries megabytes unchanged, markers included, beside others', async () => {
    const payloads = Array.from({ length: 3 }, (_, i) =>
      Buffer.concat([randomBytes(900_000 + i), marker, marker, randomBytes(100_000)]),
    );
    await Promise.all(
      payloads.map(async (payload) => {
        const stream = await guest.dial(7000);
        stream.end(payload);
        const back = await buffer(stream);
        assert.ok(back.equals(Buffer.concat([payload, Buffer.from('bye')])));
      }),
    );
  });

  test('reset by the application is an ECONNRESET here', async () => {
    const stream = await guest.dial(7001);
    stream.on('error', () => {});
    stream.write('xy');
    const [error] = await once(stream, 'error');
    assert.equal(error.code, 'ECONNRESET');
  });

  test('destroyed here is a reset there, ended here an end', async () => {
    const ended = await guest.dial(7002);
    await once(ended, 'data');
    ended.end();
    await until(async () => (await ask(7003)) === 'end');
    const destroyed = await guest.dial(7002);
    await once(destroyed, 'data');
    destroyed.destroy();
    await until(async () => (await ask(7003)) === 'reset');
  });

  test('acknowledges at once, so that a server that writes head and body apart need not wait between them', async () => {
    const count = async () => {
      const [names = '', values = ''] = (await run('cat /proc/net/netstat')).output.split('\n');
      return Number(values.split(' ')[names.split(' ').indexOf('DelayedACKs')]);
    };
    const before = await count();
    const stream = await guest.dial(7009);
    const rounds = 60;
    stream.write('x');
    let answers = '';
    for await (const piece of stream) {
      answers += piece;
      if (!answers.endsWith('body\n')) continue;
      if (answers.length === 10 * rounds) break;
      stream.write('x');
    }
    // A kernel that stands still for 40 ms sends late all the same.
    assert.ok((await count()) - before < rounds / 2);
  });

  test('that nobody reads holds back only itself, in either direction', async () => {
    const unread = await guest.dial(7005);
    const deaf = await guest.dial(7004);
    let written = 0;
    const pump = () => {
      while (written < 64 << 20) {
        written += 65_536;
        if (!deaf.write(Buffer.alloc(65_536))) break;
      }
    };
    deaf.on('drain', pump);
    pump();
    await sleep(300);
    assert.equal(await ask(7000, 'still here'), 'still herebye');
    assert.ok(written < 16 << 20, `${written} bytes were taken for a reader that does not read`);
    assert.ok(unread.readableLength <= 512 * 1024);
    unread.destroy();
    deaf.destroy();
  });
});

describe('a shell', { concurrency: false }, () => {
  test('is a terminal of uid 0 in the container, with the image’s directory and variables', async () => {
    const shell = await guest.openShell({ columns: 0, rows: 0 });
    let seen = '';
    shell.stream.on('data', (chunk) => {
      seen += chunk;
    });
    await until(() => seen.includes('λ $ '));
    shell.stream.write('stty size; tty; echo "$TERM:$PWD:$NAME"; id -u\n');
    await until(() => /\n0\r\n/.test(seen));
    assert.match(seen, /\n0 0\r\n\/dev\/pts\/\d+\r\nxterm:\/work\/deep:λ value\r\n0\r\n/);
    shell.resize(120, 40);
    shell.stream.write('stty size\n');
    await until(() => seen.includes('\n40 120\r\n'));
    shell.stream.write('sh -c "echo as\'\'leep; sleep 100"\n');
    await until(() => seen.includes('\nasleep\r\n'));
    // As people do: a shell that is about to execute a program may lose the first one.
    await until(async () => {
      shell.stream.write('\x03');
      await sleep(300);
      return seen.endsWith('λ $ ');
    });
    shell.stream.write('echo $?\n');
    await until(() => seen.includes('\n130\r\n'));
    shell.stream.write('exit 3\n');
    assert.equal(await shell.exited, 3);
    await until(() => shell.stream.closed);
  });

  test('ends with its last output, and signals count from 128', async () => {
    const { output: seen, code } = await run(
      'i=0; while [ $i -lt 2000 ]; do echo line $i; i=$((i+1)); done; kill -9 $$',
    );
    assert.match(seen, /line 1999\n$/);
    assert.equal(code, 137);
    assert.equal((await run('no-such-program')).code, 127);
  });

  test('given up here is hung up on there', async () => {
    const shell = await guest.openShell({ columns: 80, rows: 24, argv: ['sh', '-c', 'echo $$; cat'] });
    const [pid] = await once(shell.stream, 'data');
    shell.stream.destroy();
    assert.equal(await shell.exited, 129);
    await until(async () => (await run(`ls /proc/${Number.parseInt(String(pid), 10)}`)).code !== 0);
  });
});

/** Runs a command with pipes until its end. */
async function exec(command: CommandSpec, input: Buffer | string = '') {
  const { stream, output, exited } = await guest.exec(command);
  if (!stream.writableEnded) stream.end(input); // a command that fails at once is over by now
  const [stdout, stderr, code] = await Promise.all([buffer(output!.stdout), text(output!.stderr), exited]);
  return { stdout: stdout.toString(), stderr, code, bytes: stdout };
}
const sh = (script: string, more: Partial<CommandSpec> = {}) => exec({ argv: ['sh', '-c', script], ...more });

describe('a command', { concurrency: false }, () => {
  test('has input, output and errors of its own, and an exit code', async () => {
    const seen = await exec({ argv: ['sh', '-c', 'cat; echo oops >&2; exit 7'] }, 'in\n');
    assert.deepEqual([seen.stdout, seen.stderr, seen.code], ['in\n', 'oops\n', 7]);
    assert.equal((await sh('kill -9 $$')).code, 137);
    const missing = await exec({ argv: ['no-such-program'] });
    assert.deepEqual([missing.code, missing.stderr], [127, 'no-such-program: No such file or directory\n']);
  });

  test('runs as the container does, unless it is told otherwise', async () => {
    const plain = await sh('pwd; echo "$NAME"; id -u; cat /proc/self/status; echo x > /dev/stderr');
    assert.match(plain.stdout, /^\/work\/deep\nλ value\n0\n/);
    assert.match(plain.stdout, /CapEff:\t00000000a80425fb/);
    assert.equal(plain.stderr, 'x\n');
    const user = { uid: 1000, gid: 1001, groups: [7, 9] };
    const told = await sh('pwd; echo "$NAME:$MORE"; id; echo y > /dev/stderr; echo z > /etc/z', {
      ...{ cwd: '/tmp', env: { NAME: 'other', MORE: 'x=y' }, user },
    });
    assert.equal(told.stdout, '/tmp\nother:x=y\nuid=1000(app) gid=1001 groups=1001,7,9\n');
    assert.match(told.stderr, /^y\n.*Permission denied/);
    const nowhere = await sh('true', { cwd: '/nowhere' });
    assert.deepEqual([nowhere.code, nowhere.stderr], [127, '/nowhere: No such file or directory\n']);
  });

  test('carries megabytes each way unchanged, markers included', async () => {
    const bytes = Buffer.concat([randomBytes(3_000_000), marker, randomBytes(500_000), marker]);
    const { bytes: back, code } = await exec({ argv: ['cat'] }, bytes);
    assert.ok(back.equals(bytes));
    assert.equal(code, 0);
  });

  test('may be longer than a frame', async () => {
    const long = 'x'.repeat(100_000);
    assert.equal((await sh('echo "$LONG"', { env: { LONG: long } })).stdout, `${long}\n`);
  });

  test('that reads no input, or closes it, gets rid of what comes', async () => {
    const { stdout, code } = await exec(
      { argv: ['sh', '-c', 'exec <&-; sleep 0.3; echo done'] },
      randomBytes(400_000),
    );
    assert.deepEqual([stdout, code], ['done\n', 0]);
  });

  test('gets signals, and is killed with what it started when it is given up', async () => {
    const { output, exited, signal } = await guest.exec({
      argv: ['sh', '-c', 'trap "echo caught; exit 3" INT; echo ready; while :; do sleep 0.05; done'],
    });
    await once(output!.stdout, 'data');
    const rest = text(output!.stdout);
    signal(2);
    assert.equal(await exited, 3);
    assert.equal(await rest, 'caught\n');
    const lost = await guest.exec({ argv: ['sh', '-c', 'sleep 1000 & echo $!; wait'] });
    const [pid] = await once(lost.output!.stdout, 'data');
    lost.stream.destroy();
    assert.equal(await lost.exited, undefined);
    // Nobody waits for it in this container: it stays as a zombie.
    const stat = `cat /proc/${Number.parseInt(String(pid), 10)}/stat`;
    await until(async () => / Z /.test((await run(stat)).output));
  });

  test('on a terminal has one, of the size that it was told', async () => {
    const { stream, output, exited, resize } = await guest.exec(
      { argv: ['sh', '-c', 'tty; stty size; read x; stty size; exit 4'], env: { TERM: 'xterm' } },
      { terminal: { columns: 90, rows: 20 } },
    );
    assert.equal(output, undefined);
    let seen = '';
    stream.on('data', (chunk) => {
      seen += chunk;
    });
    await until(() => seen.includes('20 90'));
    assert.match(seen, /\/dev\/pts\/\d+\r\n20 90\r\n/);
    resize(100, 30);
    stream.write('\n');
    await until(() => seen.includes('30 100'));
    assert.equal(await exited, 4);
  });

  test('copies files in for the container’s user, and out again', async () => {
    const writing = await guest.files('write', '/work/copied');
    const entry = {
      kind: 'file',
      path: 'x',
      target: '',
      mode: 0o640,
      uid: 0,
      gid: 0,
      modified: 1_700_000_000,
    } as const;
    writing.stream.end(Buffer.concat([encodeEntry({ ...entry, size: 5 }), Buffer.from('hello')]));
    writing.output!.stdout.resume();
    assert.deepEqual([await text(writing.output!.stderr), await writing.exited], ['', 0]);
    assert.equal((await sh('cat /work/copied')).stdout, 'hello');
    const reading = await guest.files('read', '/work/copied');
    const found = await readEntry(new ByteReader(reading.output!.stdout));
    assert.deepEqual(found, { ...entry, path: 'copied', size: 5 });
    reading.stream.destroy();
    const proc = await guest.files('write', '/proc/sys/kernel');
    proc.stream.end(
      Buffer.concat([encodeEntry({ ...entry, path: 'core_pattern', size: 1 }), Buffer.from('x')]),
    );
    assert.match(await text(proc.output!.stderr), /^core_pattern: /);
    assert.equal(await proc.exited, 1);
  });
});

describe('freezing', { concurrency: false }, () => {
  test('stops the container but not the agent; thawing goes on where it was', async () => {
    await guest.freeze();
    const stream = await guest.dial(7000); // the kernel accepts
    stream.write('held');
    const first = once(stream, 'data');
    const early = await Promise.race([first, sleep(300)]);
    assert.equal(early, undefined);
    await guest.thaw();
    assert.equal(String((await first)[0]), 'held');
    stream.destroy();
  });

  test('thawing after a restore sets the clock and the randomness first', async () => {
    await guest.freeze();
    const year2100 = 4_102_444_800n;
    await guest.thaw({
      epochNanoseconds: year2100 * 1_000_000_000n,
      entropy: randomBytes(64),
      resetConnections: true,
    });
    const [bytes = '', time = ''] = (await ask(7007)).split(' ');
    assert.equal(bytes.length, 32);
    assert.ok(Number(time) >= 4_102_444_800 && Number(time) < 4_102_444_860, time);
    const now = BigInt(Date.now()) * 1_000_000n;
    await guest.thaw({ epochNanoseconds: now, entropy: randomBytes(64), resetConnections: false });
  });

  test('lets the agent rehearse a start; the container stands still all the while and goes on as it was', async () => {
    const listening = async () => (await run('cat /proc/net/tcp')).output.split(' 0A ').length;
    const before = await listening();
    await assert.rejects(guest.rehearse(), GuestRequestFailed);
    await guest.freeze();
    const stream = await guest.dial(7000); // the kernel accepts
    stream.write('held');
    const first = once(stream, 'data');
    await guest.rehearse();
    await guest.rehearse();
    assert.equal(await Promise.race([first, sleep(300)]), undefined);
    await guest.thaw();
    assert.equal(String((await first)[0]), 'held');
    stream.destroy();
    assert.equal(await listening(), before);
  });

  test('works twice over, and the disk can be synced', async () => {
    await guest.freeze();
    await guest.freeze();
    await guest.thaw();
    await guest.thaw();
    await guest.sync();
    assert.equal(await ask(7000, 'on'), 'onbye');
  });
});

describe('a new connection', { concurrency: false }, () => {
  test('after an orderly close finds the container as it was, without the old streams', async () => {
    const old = await guest.dial(7002);
    old.on('error', () => {});
    await once(old, 'data');
    await guest.close();
    assert.equal(await guest.closed, undefined);
    guest = await connect();
    assert.ok(guest.containerRunning);
    assert.equal(await ask(7003), 'reset');
  });

  test('after a host that died in the middle of a frame', async () => {
    for (let round = 0; round < 6; round++) {
      await guest.close();
      // A host as the protocol has it, until it dies: first after its greeting, then within a frame.
      const channel = await machine.channel();
      const dying = await GuestConnection.open(channel);
      const stream = await dying.dial(7000);
      stream.on('error', () => {});
      stream.write(randomBytes(1000));
      const header = Buffer.from([9, 0, 0, 0, 19, 0, 0x80, 0]);
      channel.write(Buffer.concat([header, randomBytes(round * 1000)]));
      if (round % 2 === 0) await sleep(20);
      channel.destroy();
      guest = await connect();
      assert.equal(await ask(7000, 'fresh'), 'freshbye');
    }
  });

  test('gets the output that was held back meanwhile, and the container does not lose a byte', async () => {
    output.stdout = '';
    const stream = await guest.dial(7008);
    stream.write('o300000'); // more than pipe and window together need no reader for
    await guest.close();
    await sleep(200);
    guest = await connect();
    await until(() => output.stdout.length >= 300_000);
    await sleep(50);
    assert.equal(output.stdout.length, 300_000);
  });

  test('hangs up on shells when the host is gone', async () => {
    const channel = await (async () => {
      await guest.close();
      return machine.channel();
    })();
    const dying = await GuestConnection.open(channel);
    const shell = await dying.openShell({ columns: 80, rows: 24, argv: ['sh', '-c', 'echo $$; cat'] });
    const [pid] = await once(shell.stream, 'data');
    shell.stream.on('error', () => {});
    channel.destroy();
    assert.equal(await shell.exited, 129);
    guest = await connect();
    await until(async () => (await run(`ls /proc/${Number.parseInt(String(pid), 10)}`)).code !== 0);
  });
});

describe('the end', { concurrency: false }, () => {
  test('of the container is reported with its code, and again to a later host', async () => {
    const exited = new Promise<number>((resolve) => guest.onContainerExit(resolve));
    const stream = await guest.dial(7008);
    stream.on('error', () => {});
    stream.write('x42');
    assert.equal(await exited, 42);
    await guest.close();
    guest = await connect();
    assert.equal(guest.containerRunning, false);
    assert.equal(await new Promise((resolve) => guest.onContainerExit(resolve)), 42);
    await assert.rejects(guest.openShell({ columns: 0, rows: 0 }), GuestRequestFailed);
    await assert.rejects(guest.dial(7000), GuestPortClosed);
  });

  test('of the machine is orderly when asked for', async () => {
    const exited = once(machine.process, 'exit');
    await guest.powerOff();
    const [code] = await exited;
    assert.equal(code, 0);
  });
});
