import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import { after, before, describe, test } from 'node:test';
import type { WebSocket } from 'ws';
import type { ShellSession } from '../../src/control/host.ts';
import { Bed } from './harness.ts';

/** A real pseudo-terminal on this machine stands in for the one in a MicroVM. */
const bridge = `
import os, pty, sys, fcntl, termios, struct, select, signal
pid, fd = pty.fork()
if pid == 0:
    os.environ.update(PS1='$ ', TERM='xterm')
    os.execvp('sh', ['sh', '-i'])
fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', 0, 0, 0, 0))
control = b''
while True:
    ready, _, _ = select.select([0, 3, fd], [], [])
    if 3 in ready:
        control += os.read(3, 4096)
        while b'\\n' in control:
            line, control = control.split(b'\\n', 1)
            c, r = line.split()
            fcntl.ioctl(fd, termios.TIOCSWINSZ, struct.pack('HHHH', int(r), int(c), 0, 0))
    if 0 in ready:
        data = os.read(0, 65536)
        if not data:
            os.kill(pid, signal.SIGHUP)
            break
        os.write(fd, data)
    if fd in ready:
        try:
            data = os.read(fd, 65536)
        except OSError:
            break
        if not data:
            break
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
sys.stdout.close()
_, status = os.waitpid(pid, 0)
os._exit(os.waitstatus_to_exitcode(status) & 255)
`;

const children = new Set<ChildProcess>();

async function openShell(): Promise<ShellSession> {
  const child = spawn('python3', ['-c', bridge], { stdio: ['pipe', 'pipe', 'inherit', 'pipe'] });
  children.add(child);
  const control = child.stdio[3] as NodeJS.WritableStream;
  const stream = Duplex.from({ writable: child.stdin!, readable: child.stdout! });
  stream.on('close', () => child.stdin!.destroy());
  return {
    stream,
    resize: (columns, rows) => void control.write(`${columns} ${rows}\n`),
    exited: new Promise((resolve) =>
      child.on('exit', (code) => {
        children.delete(child);
        resolve(code ?? 129);
      }),
    ),
  };
}

interface Frame {
  text: string;
  binary: boolean;
}

class Terminal {
  readonly frames: Frame[] = [];
  readonly client: WebSocket;
  readonly closed: Promise<{ code: number; reason: string }>;
  constructor(client: WebSocket) {
    this.client = client;
    client.on('error', () => {});
    client.on('message', (data, binary) => this.frames.push({ text: String(data), binary }));
    this.closed = new Promise((resolve) => {
      client.on('close', (code, reason) => resolve({ code, reason: reason.toString() }));
    });
  }

  get output(): string {
    return this.frames
      .filter((frame) => frame.binary)
      .map((frame) => frame.text)
      .join('');
  }

  async until(pattern: RegExp): Promise<void> {
    for (let waited = 0; waited < 5000; waited += 20) {
      if (pattern.test(this.output)) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.fail(`${pattern} not in ${JSON.stringify(this.output)}`);
  }

  type(text: string): void {
    this.client.send(Buffer.from(text));
  }
}

describe('shell through the endpoint', () => {
  let bed: Bed;
  before(async () => {
    bed = await Bed.start();
    bed.guest.shell = openShell;
  });
  after(async () => {
    await bed.stop();
    for (const child of children) child.kill('SIGKILL');
  });

  const open = async (path = '/shell', ...more: string[]) =>
    new Terminal(
      bed.webSocket(
        [`lambda-microvms.authentication.${await bed.shellToken()}`, 'lambda-microvms', ...more],
        {},
        path,
      ),
    );

  test('any path and port; session_init first, then raw output; exit closes with 1000', async () => {
    for (const [path, ...more] of [
      ['/shell'],
      ['/'],
      ['/aws/lambda-microvms/runtime/v1/shell', 'lambda-microvms.port.8022'],
      ['/', 'lambda-microvms.port.8080'],
    ]) {
      const shell = await open(path, ...more);
      await shell.until(/\$ /);
      assert.equal(shell.client.protocol, 'lambda-microvms');
      const first = shell.frames[0]!;
      assert.equal(first.binary, false);
      const init = JSON.parse(first.text) as Record<string, string>;
      assert.deepEqual(Object.keys(init), ['type', 'session_id']);
      assert.equal(init.type, 'session_init');
      assert.match(init.session_id!, /^[0-9a-f-]{36}$/);
      assert.ok(shell.frames.slice(1).every((frame) => frame.binary));
      shell.type('exit 3\r');
      assert.deepEqual(await shell.closed, { code: 1000, reason: 'shell exited' });
    }
  });

  test('token in the header, without a list', async () => {
    const shell = new Terminal(bed.webSocket([], { 'x-aws-proxy-auth': await bed.shellToken() }));
    await shell.until(/\$ /);
    assert.equal(shell.client.protocol, '');
    shell.client.terminate();
  });

  test('size: 0 0 until a resize; the last one wins, zero is ignored', async () => {
    const shell = await open();
    await shell.until(/\$ /);
    shell.type('stty size\r');
    await shell.until(/\r\n0 0\r\n/);
    shell.client.send(JSON.stringify({ type: 'resize', cols: 100, rows: 30 }));
    shell.client.send(JSON.stringify({ type: 'resize', cols: 0, rows: 0 }));
    await new Promise((resolve) => setTimeout(resolve, 50));
    shell.type('stty size\r');
    await shell.until(/\r\n30 100\r\n/);
    shell.client.terminate();
  });

  test('any other text is typed literally', async () => {
    const shell = await open();
    await shell.until(/\$ /);
    shell.client.send('echo plain');
    shell.client.send('-text\r');
    await shell.until(/\r\nplain-text\r\n/);
    shell.client.send('{"type":"window_size"}');
    await shell.until(/\{"type":"window_size"\}/);
    shell.type('\x03');
    shell.client.send('{"type":"resize","cols"');
    await shell.until(/\{"type":"resize","cols"/);
    shell.client.terminate();
  });

  test('what is typed before the shell is there is not lost', async () => {
    const shell = await open();
    shell.client.on('open', () => shell.type('echo ear""ly\r'));
    await shell.until(/early\r\n/);
    shell.client.terminate();
  });

  test('Ctrl-C interrupts, Ctrl-D ends', async () => {
    const shell = await open();
    await shell.until(/\$ /);
    shell.type(`sh -c "echo as''leep; exec sleep 100"\r`);
    await shell.until(/\r\nasleep\r\n/);
    shell.type('\x03');
    await shell.until(/\^C[\s\S]*\$ $/);
    shell.type('\x04');
    assert.equal((await shell.closed).code, 1000);
  });

  test('several shells at once, each its own', async () => {
    const shells = await Promise.all([open(), open(), open()]);
    for (const [at, shell] of shells.entries()) {
      await shell.until(/\$ /);
      shell.type(`X=${at}; echo value-$X\r`);
    }
    for (const [at, shell] of shells.entries()) {
      await shell.until(new RegExp(`\r\nvalue-${at}\r\n`));
      shell.client.close();
    }
  });

  test('a client that goes hangs the terminal up', async () => {
    const shell = await open();
    await shell.until(/\$ /);
    const left = children.size;
    shell.client.terminate();
    for (let waited = 0; children.size >= left && waited < 3000; waited += 20) {
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    assert.ok(children.size < left);
  });

  test('large output waits for a slow client', async () => {
    const shell = await open();
    await shell.until(/\$ /);
    shell.client.pause();
    shell.type('head -c 3000000 /dev/zero | tr "\\0" x; echo; echo do""ne\r');
    await new Promise((resolve) => setTimeout(resolve, 500));
    shell.client.resume();
    await shell.until(/\r\ndone\r\n/);
    assert.ok(shell.output.length > 3_000_000);
    shell.client.terminate();
  });

  test('suspend cuts it; the next one resumes', async () => {
    const shell = await open();
    await shell.until(/\$ /);
    bed.guest.suspend(bed.microvmId);
    assert.equal((await shell.closed).code, 1006);
    const next = await open();
    await next.until(/\$ /);
    assert.equal(bed.guest.state, 'running');
    next.client.terminate();
  });

  test('an image without a shell: closed after session_init (S4)', async () => {
    bed.guest.shell = () => Promise.reject(new Error('no shell'));
    const shell = await open();
    assert.equal((await shell.closed).code, 1000);
    assert.equal(shell.frames.length, 1);
    bed.guest.shell = openShell;
  });

  test('an app token never opens a shell, port 8022 included (S2)', async () => {
    const token = await bed.token();
    const list = ['lambda-microvms', `lambda-microvms.authentication.${token}`, 'lambda-microvms.port.8022'];
    const client = bed.webSocket(list, {}, '/shell');
    const message = await new Promise<string>((resolve) =>
      client.on('error', (e: Error) => resolve(e.message)),
    );
    assert.match(message, /502/);
  });

  test('without a connector for the shell', async () => {
    bed.guest.endpoints.get(bed.host)!.shellIngress = false;
    assert.equal((await (await open()).closed).code, 1006);
    bed.guest.endpoints.get(bed.host)!.shellIngress = true;
  });
});
