import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readdir, readFile, stat } from 'node:fs/promises';
import { connect, createServer } from 'node:net';
import { after, before, describe, test } from 'node:test';
import { createLab, eventually, gibibyte, hostTraces, type Lab, type LabBuild } from './lab/lab.ts';

const base = 'public.ecr.aws/lambda/microvms:al2023-minimal';

/** Everything that a good build should carry into the root filesystem, and every look over the wall, in one build. */
const dockerfile = (ports: { host: number; neighbour: string }) => `
ARG BASE=microvms
FROM public.ecr.aws/lambda/\${BASE}:al2023-minimal AS tools
ARG TARGETPLATFORM
RUN echo "platform=$TARGETPLATFORM" > /platform
RUN <<END
#!/bin/bash -e
[[ heredoc == here* ]] && echo fine > /heredoc
END

FROM --platform=linux/arm64 ${base}
COPY --link --from=tools /platform /heredoc /proof/
COPY --chown=1234:5678 app.sh /opt/app.sh
RUN groupadd -g 600 extra && useradd -u 1500 -m -G extra app && cp /bin/true /opt/suid && chmod 4711 /opt/suid \\
 && cp /usr/bin/id /opt/as-root && chmod 4755 /opt/as-root
RUN apt-get update -q && apt-get install -q -y --no-install-recommends libcap2-bin \\
 && cp /bin/cat /opt/capable && setcap cap_net_bind_service+ep /opt/capable
RUN --mount=type=cache,target=/cache --mount=type=tmpfs,target=/t echo 1 > /cache/x && ls -a /secret 2>/dev/null; \\
  try() { timeout 3 bash -c "echo > /dev/tcp/$1/$2" 2>/dev/null && echo "reached $1:$2"; true; }; \\
  gateway=$(perl -ne 'printf "%d.%d.%d.%d", reverse unpack "C4", pack "H8", $1 if /^eth0\\s+00000000\\s+(\\w+)/' /proc/net/route); \\
  echo "gateway is $gateway"; \\
  try 127.0.0.1 ${ports.host}; try $gateway ${ports.host}; try ${ports.neighbour} 80; try ::1 ${ports.host}; \\
  echo "pids: $(ls /proc | grep -c '^[0-9]')"; grep -al 'squib-test-mark[e]r' /proc/*/environ /proc/*/cmdline 2>/dev/null; \\
  echo "mount says: $(mount -t tmpfs x /mnt 2>&1)"; unshare -Ur true && echo "made a user namespace"; \\
  mknod /tmp/disk b 7 0 && echo "made a device"; ls /dev/loop* /dev/sda /dev/vda /mnt/* 2>/dev/null; \\
  echo c > /proc/sysrq-trigger; echo 1 > /proc/sys/kernel/panic; cat /proc/1/root/mnt/base/* 2>/dev/null; true
ENV GREETING="hello world"
EXPOSE 8080/tcp
STOPSIGNAL SIGINT
USER app
RUN echo "setuid makes $(/opt/as-root -u), was $(id -u)"
WORKDIR /srv/deep/work
ENTRYPOINT ["/opt/app.sh"]
CMD ["a", "b c"]
`;

describe('image build', () => {
  let lab: Lab;
  let good: LabBuild;
  let reached = 0;
  const close: (() => void)[] = [];

  before(async () => {
    lab = await createLab();
    // On every address of the host: its loopback, and whatever its end of the pair of interfaces will be.
    const listener = createServer((socket) => {
      reached++;
      socket.destroy();
    }).listen(0, '0.0.0.0');
    await new Promise((resolve) => listener.once('listening', resolve));
    close.push(() => listener.close());
    const host = (listener.address() as { port: number }).port;
    // A neighbour with a private address, in a network namespace of its own behind the host.
    const neighbour = '10.213.7.2';
    const ip = (...args: string[]) => execFileSync('ip', args);
    ip('netns', 'add', 'sqtest-neighbour');
    close.push(() => ip('netns', 'delete', 'sqtest-neighbour'));
    ip('link', 'add', 'sqtest0', 'type', 'veth', 'peer', 'name', 'eth0', 'netns', 'sqtest-neighbour');
    ip('address', 'add', '10.213.7.1/30', 'dev', 'sqtest0');
    ip('link', 'set', 'sqtest0', 'up');
    ip('-n', 'sqtest-neighbour', 'address', 'add', `${neighbour}/30`, 'dev', 'eth0');
    ip('-n', 'sqtest-neighbour', 'link', 'set', 'eth0', 'up');
    const serve = `require('net').createServer((s) => s.end()).listen(80, () => console.log('squib-test-marker'))`;
    const inside = spawn('ip', ['netns', 'exec', 'sqtest-neighbour', process.execPath, '-e', serve]);
    close.push(() => inside.kill('SIGKILL'));
    await once(inside.stdout, 'data');
    await once(connect(80, neighbour), 'connect'); // the host itself reaches it
    const text = dockerfile({ host, neighbour });
    good = await lab.build(
      'good',
      { Dockerfile: text, 'app.sh': '#!/bin/sh\necho app\n' },
      { diskBytes: 4 * gibibyte },
    );
  });

  after(async () => {
    for (const undo of close.reverse()) undo();
    await lab.remove();
  });

  /** What debugfs says about a path of the root filesystem. */
  const inspect = (request: string) => {
    const file = good.image!.rootfs;
    return execFileSync('debugfs', ['-R', request, file], {
      encoding: 'utf8',
      stdio: ['ignore', 'pipe', 'ignore'],
    });
  };

  test('makes a sparse root filesystem and nothing else', async () => {
    assert.equal(good.error, undefined, good.log);
    const { rootfs, rootfsBytes } = good.image!;
    const { size, blocks, uid } = await stat(rootfs);
    assert.equal(size, 4 * gibibyte);
    assert.equal(uid, 0);
    assert.equal(rootfsBytes, blocks * 512);
    assert.ok(rootfsBytes > 20e6 && rootfsBytes < 500e6, `${rootfsBytes}`);
    assert.deepEqual(await readdir(good.workDir), ['rootfs.ext4']);
    execFileSync('e2fsck', ['-fn', rootfs], { stdio: 'ignore' });
    assert.match(inspect('stats -h'), /Reserved block count:\s+0/);
  });

  test('resolves the configuration of the container', () => {
    const { container } = good.image!;
    assert.deepEqual(container.entrypoint, ['/opt/app.sh']);
    assert.deepEqual(container.cmd, ['a', 'b c']);
    assert.equal(container.env.GREETING, 'hello world');
    assert.equal(container.workingDir, '/srv/deep/work');
    assert.deepEqual(container.user, { uid: 1500, gid: 1500, groups: [600], home: '/home/app' });
    assert.equal(container.stopSignal, 'SIGINT');
    assert.deepEqual(container.exposedPorts, ['8080/tcp']);
  });

  test('owners, setuid bits, capabilities and directories survive', () => {
    assert.match(inspect('stat /opt/app.sh'), /User:\s+1234\s+Group:\s+5678/);
    assert.match(inspect('stat /opt/suid'), /Mode:\s+04711/);
    assert.match(inspect('stat /opt/suid'), /User:\s+0\s+Group:\s+0/);
    assert.match(inspect('stat /opt/capable'), /security\.capability/);
    assert.match(inspect('stat /srv/deep/work'), /Type: directory/);
    assert.match(inspect('stat /home/app'), /User:\s+1500/);
    const machine = process.arch === 'x64' ? 'amd64' : process.arch;
    assert.equal(inspect('cat /proof/platform').trim(), `platform=linux/${machine}`);
    assert.equal(inspect('cat /proof/heredoc').trim(), 'fine');
  });

  test('the log reads like BuildKit', () => {
    assert.match(good.log, /^#1 \[internal\] load build definition from Dockerfile$/m);
    assert.match(good.log, /^#\d+ \[tools 1\/\d+\] FROM public\.ecr\.aws\/lambda\/microvms:al2023-minimal/m);
    assert.match(good.log, /^#\d+ \[stage-1 \d+\/\d+\] COPY/m);
    assert.match(good.log, /^#\d+ DONE \d+\.\ds$/m);
    assert.match(good.log, /--platform=linux\/arm64 is left out/);
  });

  test('a RUN step sees nothing of the host and reaches nothing private', () => {
    const line = (pattern: RegExp) => assert.match(good.log, pattern);
    const never = (pattern: RegExp) => assert.doesNotMatch(good.log, pattern);
    line(/gateway is 169\.254\.32\.\d+/); // so that the probe of the host's end was a real one
    never(/^#\d+ [\d.]+ reached /m);
    assert.equal(reached, 0);
    assert.ok(Number(/pids: (\d+)/.exec(good.log)![1]) < 20);
    never(/^#\d+ [\d.]+ \/proc\/.*(environ|cmdline)$/m);
    line(/mount says: .*(denied|permitted)/);
    line(/setuid makes 0, was 1500/); // the root of the build
    never(/^#\d+ [\d.]+ made /m);
    never(/^#\d+ [\d.]+ \/(dev|mnt)\//m);
    line(/cannot create \/proc\/sys\/kernel\/panic/);
  });

  test('leaves no trace on the host', async () => {
    await eventually(
      () => hostTraces(lab.dir),
      (traces) => traces.length === 0,
    );
  });

  test('a step that fails: the sentence of AWS, and the place in the log', async () => {
    const text = `FROM ${base}\nRUN echo before\nRUN exit 3\nRUN echo after\n`;
    const { error, log, workDir } = await lab.build('fails', { Dockerfile: text });
    assert.equal(error?.name, 'BuildFailed');
    assert.equal(error?.message, 'The container image build failed.');
    assert.match(log, /ERROR: process "\/bin\/sh -c exit 3" did not complete successfully: exit code: 3/);
    assert.match(log, /^ {3}3 \| >>> RUN exit 3$/m);
    assert.doesNotMatch(log, /\] RUN echo after/);
    assert.deepEqual(await readdir(workDir), []);
  });

  test('what the builder cannot do is said before it starts', async () => {
    const { error, log } = await lab.build('parents', { Dockerfile: `FROM ${base}\nCOPY --parents a b\n` });
    assert.equal(error?.message, 'The container image build failed.');
    assert.match(log, /^ERROR: Dockerfile:2: COPY --parents/m);
  });

  test('a user that the image does not have', async () => {
    const { error, log } = await lab.build('user', { Dockerfile: `FROM ${base}\nUSER ghost\n` });
    assert.equal(error?.message, 'The container image build failed.');
    assert.match(log, /unable to find user ghost/);
  });

  test('a base image that cannot be had names the setting', async () => {
    const mirrors = { 'base.invalid': '127.0.0.1:1/none', 'gone.invalid/x:1': 'oci:/nonexistent:x' };
    const one = await lab.build('nobase', { Dockerfile: 'FROM base.invalid/app:1\n' }, { mirrors });
    assert.equal(one.error?.message, 'The container image build failed.');
    assert.match(
      one.log,
      /base\.invalid\/app:1 cannot be fetched from 127\.0\.0\.1:1\/none\/app:1: .*refused/,
    );
    assert.match(one.log, /setting 'mirrors'/);
    const two = await lab.build('nofolder', { Dockerfile: 'FROM gone.invalid/x:1\n' }, { mirrors });
    assert.match(two.log, /cannot be fetched from oci:\/nonexistent/);
  });

  test('a build that fills its disk', async () => {
    const text = `FROM ${base}\nRUN fallocate -l 190M /a && dd if=/dev/zero of=/b bs=1M count=300 status=none\n`;
    const { error, log } = await lab.build('full', { Dockerfile: text }, { diskBytes: 256 * 2 ** 20 });
    assert.match(error?.message ?? '', /^DISK_STORAGE_FULL: /, log);
    // Words alone are not believed.
    const liar = await lab.build('liar', {
      Dockerfile: `FROM ${base}\nRUN echo no space left on device; exit 1\n`,
    });
    assert.equal(liar.error?.message, 'The container image build failed.');
  });
});

test('the example of the README builds', async () => {
  const lab = await createLab();
  try {
    const folder = new URL('../../examples/flask-hello/', import.meta.url);
    const files: Record<string, string> = {};
    for (const name of await readdir(folder)) files[name] = await readFile(new URL(name, folder), 'utf8');
    const { image, error, log } = await lab.build('flask', files);
    assert.equal(error, undefined, log);
    assert.equal(image!.container.cmd[0], 'gunicorn');
    assert.equal(image!.container.workingDir, '/app');
  } finally {
    await lab.remove();
  }
});
