import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CloudWatchLogsClient,
  GetLogEventsCommand,
  paginateDescribeLogStreams,
} from '@aws-sdk/client-cloudwatch-logs';
import {
  CreateMicrovmAuthTokenCommand,
  CreateMicrovmImageCommand,
  GetMicrovmCommand,
  GetMicrovmImageBuildCommand,
  GetMicrovmImageCommand,
  GetMicrovmImageVersionCommand,
  LambdaMicrovmsClient,
  ListMicrovmImageBuildsCommand,
  ResourceNotFoundException,
  RunMicrovmCommand,
  type RunMicrovmRequest,
  SuspendMicrovmCommand,
  TerminateMicrovmCommand,
  UpdateMicrovmImageCommand,
} from '@aws-sdk/client-lambda-microvms';
import {
  CreateBucketCommand,
  HeadBucketCommand,
  NotFound,
  PutObjectCommand,
  S3Client,
} from '@aws-sdk/client-s3';
import type { Config } from '../config/config.ts';
import type { DataLayout } from '../config/layout.ts';
import type { Credential } from '../daemon/credentials.ts';
import { SquibError } from '../errors/squib-error.ts';

const pollMs = 50;
const buildPollMs = 500;

/** AWS's own SDK clients, pointed at squib; nothing in them is changed. */
export function clients(config: Config, credentials: Credential) {
  const common = { endpoint: `http://localhost:${config.api.port}`, region: config.region, credentials };
  const s3 = new S3Client({ ...common, forcePathStyle: true });
  const microvms = new LambdaMicrovmsClient(common);
  return {
    s3: {
      hasBucket: (Bucket: string) =>
        s3.send(new HeadBucketCommand({ Bucket })).then(
          () => true,
          (error) => {
            if (error instanceof NotFound) return false;
            throw error;
          },
        ),
      createBucket: (Bucket: string) => s3.send(new CreateBucketCommand({ Bucket })),
      put: (Bucket: string, Key: string, Body: Buffer) =>
        s3.send(new PutObjectCommand({ Bucket, Key, Body })),
    },
    microvms: {
      client: microvms,
      async run(input: RunMicrovmRequest) {
        const { microvmId = '', endpoint = '' } = await microvms.send(new RunMicrovmCommand(input));
        return { microvmId, endpoint };
      },
      async token(microvmIdentifier: string) {
        const { authToken } = await microvms.send(
          new CreateMicrovmAuthTokenCommand({
            microvmIdentifier,
            expirationInMinutes: 30,
            allowedPorts: [{ port: 8080 }],
          }),
        );
        return authToken?.['X-aws-proxy-auth'] ?? '';
      },
      state: (microvmIdentifier: string) => microvms.send(new GetMicrovmCommand({ microvmIdentifier })),
      suspend: (microvmIdentifier: string) => microvms.send(new SuspendMicrovmCommand({ microvmIdentifier })),
      terminate: (microvmIdentifier: string) =>
        microvms.send(new TerminateMicrovmCommand({ microvmIdentifier })),
    },
    logs: new CloudWatchLogsClient(common),
  };
}

type Clients = ReturnType<typeof clients>;

/** Waits until a MicroVM has the wanted state; fails when it ended instead. */
export async function followState(microvms: Clients['microvms'], id: string, wanted: string): Promise<void> {
  for (;;) {
    const { state, stateReason } = await microvms.state(id);
    if (state === wanted) return;
    if (state === 'TERMINATED') {
      throw new SquibError(
        `${id} ended instead of becoming ${wanted}: ${stateReason}`,
        "See its log with 'aws logs'.",
      );
    }
    await sleep(pollMs);
  }
}

export interface BuiltImage {
  imageArn: string;
  imageVersion: string;
  /** Sizes in bytes by what they are of. */
  sizes: Record<string, number>;
}

function arnOf(config: { region: string; accountId: string }, name: string): string {
  return `arn:aws:lambda:${config.region}:${config.accountId}:microvm-image:${name}`;
}

/** The image's latest ACTIVE version, if it was built from this code artifact. */
export async function findBuiltImage(
  { client }: Clients['microvms'],
  config: Config,
  name: string,
  uri: string,
): Promise<BuiltImage | undefined> {
  const imageIdentifier = arnOf(config, name);
  try {
    const { latestActiveImageVersion: imageVersion } = await client.send(
      new GetMicrovmImageCommand({ imageIdentifier }),
    );
    if (!imageVersion) return undefined;
    const version = await client.send(new GetMicrovmImageVersionCommand({ imageIdentifier, imageVersion }));
    if (version.codeArtifact?.uri !== uri) return undefined;
    return {
      imageArn: imageIdentifier,
      imageVersion,
      sizes: await sizesOf(client, imageIdentifier, imageVersion),
    };
  } catch (error) {
    if (error instanceof ResourceNotFoundException) return undefined;
    throw error;
  }
}

/** Creates the image, or a new version of it, and prints its build log until it is built. */
export async function buildImage(o: {
  microvms: Clients['microvms'];
  logs: CloudWatchLogsClient;
  config: Config;
  name: string;
  uri: string;
  say: (line: string) => void;
}): Promise<BuiltImage> {
  const { client } = o.microvms;
  const imageIdentifier = arnOf(o.config, o.name);
  const settings = {
    baseImageArn: `arn:aws:lambda:${o.config.region}:aws:microvm-image:al2023-1`,
    buildRoleArn: `arn:aws:iam::${o.config.accountId}:role/squib-demo-build`,
    codeArtifact: { uri: o.uri },
    resources: [{ minimumMemoryInMiB: 512 }],
    hooks: {
      port: 9000,
      microvmImageHooks: { ready: 'ENABLED' as const, readyTimeoutInSeconds: 120 },
      microvmHooks: {
        run: 'ENABLED' as const,
        runTimeoutInSeconds: 20,
        suspend: 'ENABLED' as const,
        suspendTimeoutInSeconds: 20,
        resume: 'ENABLED' as const,
        resumeTimeoutInSeconds: 20,
        terminate: 'ENABLED' as const,
        terminateTimeoutInSeconds: 20,
      },
    },
  };
  const exists = await client.send(new GetMicrovmImageCommand({ imageIdentifier })).then(
    () => true,
    (error) => {
      if (error instanceof ResourceNotFoundException) return false;
      throw error;
    },
  );
  const { imageVersion = '' } = exists
    ? await client.send(new UpdateMicrovmImageCommand({ imageIdentifier, ...settings }))
    : await client.send(new CreateMicrovmImageCommand({ name: o.name, ...settings }));

  const follow = buildLogFollower(o.logs, `/aws/lambda-microvms/${o.name}`, imageVersion, o.say);
  for (;;) {
    const { state } = await client.send(new GetMicrovmImageVersionCommand({ imageIdentifier, imageVersion }));
    await follow();
    if (state === 'SUCCESSFUL') break;
    if (state === 'FAILED') throw await buildFailure(client, imageIdentifier, imageVersion);
    await sleep(buildPollMs);
  }
  return {
    imageArn: imageIdentifier,
    imageVersion,
    sizes: await sizesOf(client, imageIdentifier, imageVersion),
  };
}

/** @returns a function that prints what the version's build log gained since its last call. */
function buildLogFollower(
  logs: CloudWatchLogsClient,
  logGroupName: string,
  imageVersion: string,
  say: (line: string) => void,
): () => Promise<void> {
  let logStreamName: string | undefined;
  let nextToken: string | undefined;
  return async () => {
    if (!logStreamName) {
      const pages = paginateDescribeLogStreams({ client: logs }, { logGroupName });
      for await (const { logStreams = [] } of pages) {
        const names = logStreams.map((stream) => stream.logStreamName ?? '');
        logStreamName ??= names.find((name) => name.includes(`[${imageVersion}]build-`));
      }
      if (!logStreamName) return;
    }
    const page = await logs.send(
      new GetLogEventsCommand({
        logGroupName,
        logStreamName,
        startFromHead: true,
        ...(nextToken && { nextToken }),
      }),
    );
    nextToken = page.nextForwardToken;
    for (const { message } of page.events ?? []) say(`  │ ${message}`);
  };
}

async function latestBuild(client: LambdaMicrovmsClient, imageIdentifier: string, imageVersion: string) {
  const { items = [] } = await client.send(
    new ListMicrovmImageBuildsCommand({ imageIdentifier, imageVersion }),
  );
  return client.send(
    new GetMicrovmImageBuildCommand({ imageIdentifier, imageVersion, buildId: items[0]?.buildId ?? '' }),
  );
}

async function buildFailure(
  client: LambdaMicrovmsClient,
  image: string,
  version: string,
): Promise<SquibError> {
  const { stateReason } = await latestBuild(client, image, version);
  return new SquibError(`The image could not be built: ${stateReason}`, 'The build log above shows why.');
}

async function sizesOf(client: LambdaMicrovmsClient, image: string, version: string) {
  const { snapshotBuild } = await latestBuild(client, image, version);
  return {
    memory: snapshotBuild?.memorySnapshotSizeInBytes ?? 0,
    disk: snapshotBuild?.diskSnapshotSizeInBytes ?? 0,
    code: snapshotBuild?.codeInstallSizeInBytes ?? 0,
  };
}

/** The QEMU process of a MicroVM on this machine and the memory that is its own, or undefined without a process. */
export function qemuMemory(
  layout: DataLayout,
  microvmId: string,
): { pid: number; mebibytes: number } | undefined {
  try {
    const pid = Number(readFileSync(join(layout.microvm(microvmId), 'pid'), 'utf8').split(' ')[0]);
    const rollup = readFileSync(`/proc/${pid}/smaps_rollup`, 'utf8');
    const own = ['Private_Clean', 'Private_Dirty'].map((name) =>
      Number(rollup.match(`${name}:\\s+(\\d+)`)?.[1] ?? 0),
    );
    return { pid, mebibytes: Math.round(own.reduce((sum, kibibytes) => sum + kibibytes, 0) / 1024) };
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ESRCH') return undefined;
    throw error;
  }
}
