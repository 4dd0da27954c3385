// Image builds through the API, and the container contract (spec: image-build 4) row by row in real MicroVMs.
import assert from 'node:assert/strict';
import { existsSync, readdirSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import {
  DeleteMicrovmImageVersionCommand,
  UpdateMicrovmImageCommand,
  type UpdateMicrovmImageRequest,
  UpdateMicrovmImageVersionCommand,
} from '@aws-sdk/client-lambda-microvms';
import { createImage, imageSettled, put, zip } from '../support/images.ts';
import { run, type TestMicrovm } from '../support/microvms.ts';
import { TestSquib } from '../support/squib.ts';

/** Runs the script that is the query of a request; for nobody but this test. */
const server = `
import subprocess, sys, threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlparse
class Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        script = unquote(urlparse(self.path).query)
        done = subprocess.run(["sh", "-c", script], stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
        self.send_response(200)
        self.send_header("content-length", str(len(done.stdout)))
        self.end_headers()
        self.wfile.write(done.stdout)
    def log_message(self, *_):
        pass
    def do_POST(self):
        self.send_response(200)
        self.end_headers()
servers = [ThreadingHTTPServer(("", port), Handler) for port in (8080, 9000)]
threading.Thread(target=servers[0].serve_forever).start()
servers[1].serve_forever()
`;
const dockerfile = `FROM python:3.13-slim
RUN sleep 4 && useradd -u 1234 -G tty someone
WORKDIR /app
ENV A=image B=image AWS_REGION=image
COPY server.py .
CMD ["python", "server.py"]
`;
const hooks = { port: 9000, microvmImageHooks: { ready: 'ENABLED', readyTimeoutInSeconds: 120 } } as const;

describe('image builds', () => {
  let squib: TestSquib;
  let plain: string;
  const sizes = new Map<string, Record<string, number>>();
  const folder = () => join(squib.layout.images, 'plain');

  before(async () => {
    squib = await TestSquib.start();
    const uri = await put(squib, 'app.zip', await zip({ Dockerfile: dockerfile, 'server.py': server }));
    plain = await createImage(squib, 'plain', uri, { hooks, environmentVariables: { B: 'settings' } });
    const { state, reason, snapshotBuild } = await imageSettled(squib, plain);
    assert.equal(state, 'CREATED', reason);
    sizes.set('plain', snapshotBuild as Record<string, number>);
  });
  after(() => squib.remove());

  async function update(
    files: Record<string, string>,
    more: Partial<UpdateMicrovmImageRequest> = {},
  ): Promise<void> {
    const uri = await put(squib, 'app.zip', await zip(files));
    await squib.clients.microvms.send(
      new UpdateMicrovmImageCommand({
        imageIdentifier: plain,
        baseImageArn: squib.baseImageArn,
        buildRoleArn: squib.buildRoleArn,
        codeArtifact: { uri },
        resources: [{ minimumMemoryInMiB: 512 }],
        environmentVariables: { B: 'settings' },
        hooks,
        ...more,
      }),
    );
    const { state, reason } = await imageSettled(squib, plain);
    assert.equal(state, 'UPDATED', reason);
  }

  test('the sizes of the snapshot are those on disk, in whole pages', () => {
    const { memorySnapshotSizeInBytes, diskSnapshotSizeInBytes, codeInstallSizeInBytes } =
      sizes.get('plain')!;
    const allocated = (name: string) => statSync(join(folder(), '1.0', name)).blocks * 512;
    const rounded = (bytes: number) => Math.ceil(bytes / 4096) * 4096;
    assert.equal(memorySnapshotSizeInBytes, rounded(allocated('memory')));
    assert.equal(diskSnapshotSizeInBytes, rounded(allocated('disk.qcow2')));
    assert.equal(codeInstallSizeInBytes, rounded(allocated('rootfs.ext4')));
    // 2 GiB of memory, of which little was touched: pages of zeros are not stored.
    assert.ok(memorySnapshotSizeInBytes! < 400e6, `${memorySnapshotSizeInBytes}`);
  });

  test('a changed application is built on the layers of before; equal versions share their disk', async () => {
    const rootfs = (version: string) => statSync(join(folder(), version, 'rootfs.ext4'));
    const changed = { Dockerfile: dockerfile, 'server.py': `${server}\n# changed` };
    await update(changed, { additionalOsCapabilities: ['ALL'] });
    await update({ Dockerfile: dockerfile, 'server.py': server });
    assert.notEqual(rootfs('1.0').ino, rootfs('2.0').ino);
    assert.equal(rootfs('1.0').ino, rootfs('3.0').ino);
    const { microvms } = squib.clients;
    const version = { imageIdentifier: plain, imageVersion: '1.0' };
    await microvms.send(new UpdateMicrovmImageVersionCommand({ ...version, status: 'INACTIVE' }));
    await microvms.send(new DeleteMicrovmImageVersionCommand(version));
    for (let waited = 0; existsSync(join(folder(), '1.0')) && waited < 100; waited++) {
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    assert.ok(!readdirSync(folder()).includes('1.0'));
    assert.equal(rootfs('3.0').nlink, 1);
    const microvm = await run(squib, plain);
    assert.equal((await microvm.send('/?cat%20/proc/1/comm')).body.trim(), 'python');
  });

  describe('the container contract', () => {
    let microvm: TestMicrovm;
    let mighty: TestMicrovm;
    const ask = async (who: TestMicrovm, script: string) =>
      (await who.send(`/?${encodeURIComponent(script)}`)).body.trim();

    before(async () => {
      microvm = await run(squib, plain);
      mighty = await run(squib, plain, { imageVersion: '2.0' });
    });

    for (const [row, script, normal, all] of [
      ['process 1 is the command', 'tr "\\0" " " </proc/1/cmdline', 'python server.py', 'python server.py'],
      ['user', 'id -u', '0', '0'],
      [
        'capabilities',
        'grep CapEff /proc/1/status',
        'CapEff:\t00000000a80425fb',
        'CapEff:\t000001ffffffffff',
      ],
      ['open files', 'ulimit -Sn; ulimit -Hn', '1024\n1024', undefined],
      ['raising the limit', 'ulimit -n 4096 2>/dev/null && echo raised || echo refused', 'refused', 'raised'],
      ['/dev/fuse', 'test -c /dev/fuse && echo there || echo absent', 'absent', 'there'],
      ['/sys/fs/cgroup', 'stat -f -c %T /sys/fs/cgroup', 'sysfs', 'cgroup2fs'],
      [
        'mount',
        'mount -t tmpfs x /mnt 2>&1 | grep -o "denied\\|permitted" || echo ok',
        /denied|permitted/,
        'ok',
      ],
      ['sethostname', 'hostname x 2>&1 >/dev/null && echo ok || echo refused', /refused/, 'ok'],
      ['unshare', 'unshare -m true 2>/dev/null && echo ok || echo refused', 'refused', 'ok'],
      ['cgroup of process 1', 'cat /proc/1/cgroup', '0::/system.slice/app', '0::/system.slice/app'],
      ['modules', 'cat /proc/modules | wc -l | grep -c .', '1', '1'],
      ['root filesystem', 'stat -f -c %T /; df -B1G --output=size / | tail -1', /^ext2\/ext3\n\s*8$/, /8$/],
      ['root is writable', 'echo x > /x && cat /x', 'x', 'x'],
      ['/dev/shm', 'df -m --output=fstype,size /dev/shm | tail -1 | xargs', 'tmpfs 64', 'tmpfs 64'],
      ['swap', 'tail -n +2 /proc/swaps | wc -l', '0', '0'],
      ['terminals', 'ls -d /dev/ptmx /dev/pts', '/dev/ptmx\n/dev/pts', '/dev/ptmx\n/dev/pts'],
      ['stdin', 'test -t 0 && echo tty || echo none; readlink /proc/1/fd/0', 'none\n/dev/null', undefined],
      ['processors', 'nproc', '1', '1'],
      ['devices of the disk', 'ls /dev | grep -c "^[vs]d[a-z]"', '0', undefined],
      ['working directory', 'readlink /proc/1/cwd', '/app', '/app'],
      ['environment', 'echo $A $B $AWS_REGION', 'image settings us-east-1', 'image settings us-east-1'],
      [
        'image name',
        'echo $AWS_LAMBDA_MICROVM_IMAGE_NAME $AWS_LAMBDA_MICROVM_IMAGE_VERSION',
        /^plain 3\.0$/,
        'plain 2.0',
      ],
      ['no credentials', 'env | grep -c "AWS_.*\\(KEY\\|CREDENTIALS\\|TOKEN\\)"', '0', '0'],
    ] as const) {
      test(row, async () => {
        for (const [who, wanted] of [
          [microvm, normal],
          [mighty, all],
        ] as const) {
          if (wanted === undefined) continue;
          const said = await ask(who, script);
          if (wanted instanceof RegExp) assert.match(said, wanted);
          else assert.equal(said, wanted);
        }
      });
    }

    test('memory is four times the baseline', async () => {
      const kilobytes = Number((await ask(microvm, 'grep MemTotal /proc/meminfo')).replace(/\D/g, ''));
      assert.ok(kilobytes > 1_900_000 && kilobytes <= 2_097_152, `${kilobytes}`);
    });

    test('the clock is right', async () => {
      assert.ok(Math.abs(Number(await ask(microvm, 'date +%s')) - Date.now() / 1000) < 5);
    });

    test('localhost resolves, and the resolver is the platform’s', async () => {
      assert.match(await ask(microvm, 'getent ahosts localhost'), /127\.0\.0\.1|::1/);
      assert.match(await ask(microvm, 'cat /etc/resolv.conf'), /^nameserver [\d.]+$/m);
    });
  });
});
