import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';
import { readConfig } from '../config/config.ts';
import { dataLayout } from '../config/layout.ts';
import { readRootCredential } from '../daemon/credentials.ts';
import { createEngine } from '../engine/engine.ts';
import { reportAndExit } from '../errors/report.ts';
import { SquibError } from '../errors/squib-error.ts';
import { createLog } from '../log/log.ts';
import { withBaseImages } from './base-image.ts';
import { zipFolder } from './code-artifact.ts';
import { isUp, startDaemonProcess } from './daemon-process.ts';
import { get } from './endpoint-request.ts';
import { buildImage, clients, findBuiltImage, followState, qemuMemory } from './steps.ts';
import { Timings } from './timings.ts';

const say = (line = '') => console.log(line);
const bucket = 'squib-demo';
const imageName = 'flask-hello';

async function demo(keep: boolean): Promise<void> {
  const configured = readConfig();
  const before = await isUp(configured);
  const config = before ? configured : await withBaseImages(configured, (line) => say(`squib: ${line}`));
  const daemon = before ? undefined : await startDaemonProcess(config);
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => {
      say('\nStopped; what was built is kept for the next run.');
      Promise.resolve(daemon?.stop()).then(() => process.exit(130));
    });
  }
  const layout = dataLayout(config.dataDir);
  say(daemon ? `squib: ${daemon.banner}` : `squib: using the squib that is up on port ${config.api.port}`);
  try {
    const timings = new Timings();
    const { s3, microvms, logs } = clients(config, readRootCredential(layout.keys));

    const folder = fileURLToPath(new URL('../../examples/flask-hello', import.meta.url));
    const { zip, hash, files } = await zipFolder(folder);
    const key = `${imageName}-${hash}.zip`;
    say(`\n1. Zip examples/flask-hello (${files.join(', ')}) and put it into S3`);
    await timings.measure('PutObject', '', async () => {
      if (!(await s3.hasBucket(bucket))) await s3.createBucket(bucket);
      await s3.put(bucket, key, zip);
    });

    const uri = `s3://${bucket}/${key}`;
    say('\n2. CreateMicrovmImage: build the container, boot it, snapshot it once /ready answers');
    const known = await findBuiltImage(microvms, config, imageName, uri);
    const build = () =>
      timings.measure('CreateMicrovmImage → CREATED', '114–217 s', () =>
        buildImage({ microvms, logs, config, name: imageName, uri, say }),
      );
    const image = known ?? (await build());
    if (known)
      say(`  version ${image.imageVersion} of ${imageName} was built from this very zip: nothing to build`);
    for (const [what, bytes] of Object.entries(image.sizes)) {
      say(`  ${what.padEnd(10)} ${(bytes / 1024 ** 2).toFixed(1)} MiB`);
    }

    say('\n3. RunMicrovm, then three requests to its own HTTPS endpoint');
    const ca = readFileSync(join(layout.keys, 'ca.pem'), 'utf8');
    const start = () =>
      timings.measure('RunMicrovm → first answer', '2.7–3.5 s', async () => {
        const run = await microvms.run({
          imageIdentifier: image.imageArn,
          idlePolicy: {
            maxIdleDurationSeconds: 900,
            suspendedDurationSeconds: 3600,
            autoResumeEnabled: true,
          },
        });
        const token = await microvms.token(run.microvmId);
        const send = () => get({ endpoint: run.endpoint, path: '/', token, ca });
        await followState(microvms, run.microvmId, 'RUNNING');
        say(`  ${run.microvmId} at https://${run.endpoint}`);
        say(`  ${await send()}`);
        return { microvm: run, request: send };
      });
    const { microvm, request } = await start().catch(async (error) => {
      if (!known || !(error instanceof SquibError)) throw error;
      // Kept from a squib of another version, say.
      say(`  ${error.message}\n  So a new version is built first.`);
      await build();
      return start();
    });
    say(`  ${await timings.measure('a request', '', request)}`);
    say(`  ${await request()}`);

    say('\n4. SuspendMicrovm: all state goes to disk, the process ends');
    const running = qemuMemory(layout, microvm.microvmId);
    say(`  before: QEMU is process ${running?.pid} with ${running?.mebibytes} MiB of its own memory`);
    await timings.measure('SuspendMicrovm → SUSPENDED', '0.9–2.5 s', async () => {
      await microvms.suspend(microvm.microvmId);
      await followState(microvms, microvm.microvmId, 'SUSPENDED');
    });
    const suspended = qemuMemory(layout, microvm.microvmId);
    say(suspended ? `  after: process ${suspended.pid} is still there!` : '  after: no process, 0 MiB');

    say('\n5. One more request: it wakes up by itself and goes on counting');
    say(`  ${await timings.measure('request → resumed → answer', '0.7–1.6 s', request)}`);

    say('\n6. TerminateMicrovm');
    await timings.measure('TerminateMicrovm → TERMINATED', '≈ 3 s', async () => {
      await microvms.terminate(microvm.microvmId);
      await followState(microvms, microvm.microvmId, 'TERMINATED');
    });

    const { accelerator, accelerationReason } = await createEngine({ ...config, log: createLog(() => {}) });
    say(`\nDone. Engine: QEMU with ${accelerator.toUpperCase()}, because ${accelerationReason}.\n`);
    say(timings.table());
    say(
      '\n"at AWS" are figures that its users published. A host with KVM is faster than software emulation (TCG).',
    );
    if (keep) farewell(image.imageArn);
  } catch (error) {
    throw daemon?.ended() ?? error;
  } finally {
    if (!keep) await daemon?.stop();
  }
}

function farewell(imageArn: string): void {
  say(`
squib stays up. To go on in the browser, open the link that this prints (as root, or behind sudo):

  bin/squib console

or with the AWS CLI:

  eval "$(bin/squib env)"
  aws lambda-microvms list-microvm-images
  aws lambda-microvms run-microvm --image-identifier ${imageArn}
  aws lambda-microvms create-microvm-auth-token --microvm-identifier microvm-… \\
      --expiration-in-minutes 30 --allowed-ports port=8080
  curl -H "X-aws-proxy-auth: TOKEN" https://ENDPOINT/

To stop it:  bin/squib down`);
}

const { values } = parseArgs({ options: { keep: { type: 'boolean', default: false } } });
await demo(values.keep).catch(reportAndExit);
await sleep(0);
process.exit();
