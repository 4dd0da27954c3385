import { readFileSync } from 'node:fs';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { DescribeLogStreamsCommand, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import {
  CreateMicrovmImageCommand,
  type CreateMicrovmImageRequest,
  GetMicrovmImageBuildCommand,
  GetMicrovmImageCommand,
  ListMicrovmImageBuildsCommand,
} from '@aws-sdk/client-lambda-microvms';
import { CreateBucketCommand, PutObjectCommand } from '@aws-sdk/client-s3';
import yazl from 'yazl';
import type { TestSquib } from './squib.ts';

export const bucket = 'artifacts';

/** A zip of the given files. */
export async function zip(files: Record<string, string | Buffer>): Promise<Buffer> {
  const archive = new yazl.ZipFile();
  for (const [name, content] of Object.entries(files)) archive.addBuffer(Buffer.from(content), name);
  archive.end();
  return buffer(archive.outputStream);
}

const probeFile = (name: string) => readFileSync(new URL(`./probe-app/${name}`, import.meta.url));

/** The probe application as a code artifact. */
export const probeZip = () => zip({ Dockerfile: probeFile('Dockerfile'), 'app.py': probeFile('app.py') });

export async function put(squib: TestSquib, key: string, body: Buffer): Promise<string> {
  const { s3 } = squib.clients;
  await s3.send(new CreateBucketCommand({ Bucket: bucket })).catch((error) => {
    if (error.name !== 'BucketAlreadyOwnedByYou') throw error;
  });
  await s3.send(new PutObjectCommand({ Bucket: bucket, Key: key, Body: body }));
  return `s3://${bucket}/${key}`;
}

/** All hooks of the probe application, with room for a busy machine. */
export const probeHooks = {
  port: 9000,
  microvmImageHooks: { ready: 'ENABLED', readyTimeoutInSeconds: 120 },
  microvmHooks: {
    run: 'ENABLED',
    runTimeoutInSeconds: 30,
    suspend: 'ENABLED',
    suspendTimeoutInSeconds: 30,
    resume: 'ENABLED',
    resumeTimeoutInSeconds: 30,
    terminate: 'ENABLED',
    terminateTimeoutInSeconds: 30,
  },
} as const;

export async function createImage(
  squib: TestSquib,
  name: string,
  uri: string,
  settings: Partial<CreateMicrovmImageRequest> = {},
): Promise<string> {
  const { imageArn = '' } = await squib.clients.microvms.send(
    new CreateMicrovmImageCommand({
      name,
      baseImageArn: squib.baseImageArn,
      buildRoleArn: squib.buildRoleArn,
      codeArtifact: { uri },
      resources: [{ minimumMemoryInMiB: 512 }],
      ...settings,
    }),
  );
  return imageArn;
}

export interface BuildResult {
  state: string | undefined;
  /** `stateReason` of the newest build. */
  reason: string | undefined;
  snapshotBuild: object | undefined;
}

/** Waits until an image is neither CREATING nor UPDATING. */
export async function imageSettled(squib: TestSquib, imageIdentifier: string): Promise<BuildResult> {
  const { microvms } = squib.clients;
  for (;;) {
    const image = await microvms.send(new GetMicrovmImageCommand({ imageIdentifier }));
    if (image.state !== 'CREATING' && image.state !== 'UPDATING') {
      const imageVersion = image.latestActiveImageVersion ?? image.latestFailedImageVersion ?? '1.0';
      const { items = [] } = await microvms.send(
        new ListMicrovmImageBuildsCommand({ imageIdentifier, imageVersion }),
      );
      const buildId = items[0]?.buildId ?? '';
      const build = await microvms.send(
        new GetMicrovmImageBuildCommand({ imageIdentifier, imageVersion, buildId }),
      );
      return { state: image.state, reason: build.stateReason, snapshotBuild: build.snapshotBuild };
    }
    await sleep(100);
  }
}

/** Builds the probe application and returns its ARN. */
export async function buildProbe(squib: TestSquib, name = 'probe'): Promise<string> {
  const arn = await createImage(squib, name, await put(squib, 'probe.zip', await probeZip()), {
    hooks: probeHooks,
    environmentVariables: { GREETING: 'hello' },
  });
  const { state, reason } = await imageSettled(squib, arn);
  if (state !== 'CREATED') throw new Error(`the probe image is ${state}: ${reason}\n${squib.log}`);
  return arn;
}

/** The text of the build log of an image's first version. */
export async function buildLog(squib: TestSquib, name: string): Promise<string> {
  const { logs } = squib.clients;
  const logGroupName = `/aws/lambda-microvms/${name}`;
  const { logStreams = [] } = await logs.send(new DescribeLogStreamsCommand({ logGroupName }));
  const stream = logStreams.find(({ logStreamName }) => logStreamName?.includes('[1.0]build-'));
  const { events = [] } = await logs.send(
    new GetLogEventsCommand({ logGroupName, logStreamName: stream?.logStreamName, startFromHead: true }),
  );
  return events.map(({ message }) => message).join('\n');
}
