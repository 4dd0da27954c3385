import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import type {
  CreateMicrovmImageRequest,
  GetMicrovmImageVersionOutput,
  UpdateMicrovmImageResponse,
} from '../../aws/models/lambda-microvms.ts';
import { SquibError } from '../../errors/squib-error.ts';
import { callAws, callerAccount, callLambda, Refused } from '../api/aws.ts';
import type { Wire } from '../api/call.ts';
import { type Connection, findConnection } from '../api/connection.ts';
import type { Command } from '../command.ts';
import { packFolder } from '../deploy/code-artifact.ts';
import { followBuild } from '../deploy/follow-build.ts';
import { Progress } from '../deploy/progress.ts';

const options = {
  config: { type: 'string' },
  name: { type: 'string' },
  memory: { type: 'string' },
  env: { type: 'string', multiple: true },
  settings: { type: 'string' },
  json: { type: 'boolean' },
} as const;

const remedy = "'squib help deploy' shows how it is used.";
const bucket = 'squib-deploy';

export const deploy: Command = {
  summary: 'make a MicroVM image of a folder with a Dockerfile, or its next version',
  usage: `squib deploy FOLDER [--name NAME] [--memory MIB] [--env NAME=VALUE]… [--settings FILE] [--json]

Packs the folder, uploads it, creates the image or makes its next version, and shows the build log until the version
can run. NAME is the folder's name if none is given. FILE is JSON with further members of CreateMicrovmImage, such as
hooks; members that an update leaves out are as if they had never been set. With --json only the result is written.
Ends with code 1 when the build fails.

Examples:
  squib deploy examples/flask-hello
  squib deploy . --name api --memory 1024 --env MODE=test --settings microvm.json`,
  async run(args) {
    const { values, positionals } = parse(args);
    const [folder, ...rest] = positionals;
    if (folder === undefined) throw new SquibError('FOLDER is missing.', remedy);
    if (rest.length > 0) throw new SquibError(`'${rest[0]}' is not understood.`, remedy);
    const name = values.name ?? basename(resolve(folder)).replaceAll(/[^\w-]/g, '-');
    const connection = findConnection(values.config);
    const progress = new Progress(values.json ? { write: () => true } : process.stdout);

    const { zip, hash, files } = await packFolder(folder);
    const uri = await upload(connection, `${name}/${hash}.zip`, zip);
    progress.line(`Uploaded ${files} files (${Math.ceil(zip.length / 1024)} KiB) as ${uri}`);
    const account = await callerAccount(connection);
    const imageArn = `arn:aws:lambda:${connection.region}:${account}:microvm-image:${name}`;
    const asked = { ...settings(values, connection.region, account), codeArtifact: { uri } };
    const version = await createOrUpdate(connection, imageArn, name, asked);
    progress.line(`Building ${imageArn} version ${version}`);
    const logGroup = asked.logging?.cloudWatch?.logGroup ?? `/aws/lambda-microvms/${name}`;
    const state = await followBuild(connection, {
      ...{ imageArn, version, logGroup },
      onLine: (line) => progress.line(line),
      onTick: () => progress.status(`building version ${version}`),
    });
    progress.end();
    if (state !== 'CREATED' && state !== 'UPDATED') throw await failure(connection, imageArn, version, state);
    if (values.json) return console.log(JSON.stringify({ imageArn, imageVersion: version }, undefined, 2));
    console.log(`${name} version ${version} is ready. Run it:`);
    console.log(`  aws lambda-microvms run-microvm --image-identifier ${imageArn}`);
  },
};

type Values = ReturnType<typeof parse>['values'];
type Settings = Omit<CreateMicrovmImageRequest, 'name' | 'tags' | 'clientToken' | 'codeArtifact'>;

function parse(args: string[]) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new SquibError((error as Error).message, remedy, { cause: error });
  }
}

function settings(values: Values, region: string, account: string): Settings {
  const given = values.settings === undefined ? {} : readSettings(values.settings);
  const variables = (values.env ?? []).map((text): [string, string] => {
    const at = text.indexOf('=');
    if (at < 1) throw new SquibError(`'--env ${text}' is not of the form NAME=VALUE.`, remedy);
    return [text.slice(0, at), text.slice(at + 1)];
  });
  const memory = Number(values.memory);
  if (values.memory !== undefined && !Number.isInteger(memory)) {
    throw new SquibError('--memory takes a number of MiB.', remedy);
  }
  return {
    baseImageArn: `arn:aws:lambda:${region}:aws:microvm-image:al2023-1`,
    buildRoleArn: `arn:aws:iam::${account}:role/squib-deploy`,
    ...given,
    ...(values.memory !== undefined && { resources: [{ minimumMemoryInMiB: memory }] }),
    environmentVariables: { ...given.environmentVariables, ...Object.fromEntries(variables) },
  };
}

function readSettings(file: string): Partial<Settings> {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (error) {
    throw new SquibError(`The settings in ${file} cannot be read.`, 'It must be JSON.', { cause: error });
  }
}

async function upload(connection: Connection, key: string, zip: Buffer): Promise<string> {
  const place = { service: 's3', method: 'PUT' };
  await callAws(connection, { ...place, path: `/${bucket}` }).catch((error) => {
    if (!(error instanceof Refused) || error.code !== 'BucketAlreadyOwnedByYou') throw error;
  });
  await callAws(connection, { ...place, path: `/${bucket}/${key}`, body: zip });
  return `s3://${bucket}/${key}`;
}

/** @returns the version that is being built */
async function createOrUpdate(
  connection: Connection,
  imageIdentifier: string,
  name: string,
  asked: Omit<CreateMicrovmImageRequest, 'name'>,
): Promise<string> {
  const exists = await callLambda(connection, 'GetMicrovmImage', { imageIdentifier }).catch((error) => {
    if (error instanceof Refused && error.code === 'ResourceNotFoundException') return undefined;
    throw error;
  });
  const operation = exists ? 'UpdateMicrovmImage' : 'CreateMicrovmImage';
  const identity = exists ? { imageIdentifier } : { name };
  const input = { ...asked, ...identity };
  return (await callLambda<Wire<UpdateMicrovmImageResponse>>(connection, operation, input)).imageVersion;
}

async function failure(connection: Connection, imageIdentifier: string, imageVersion: string, state: string) {
  const version = await callLambda<Wire<GetMicrovmImageVersionOutput>>(connection, 'GetMicrovmImageVersion', {
    ...{ imageIdentifier, imageVersion },
  });
  const why = version.stateReason ?? `The image is ${state}.`;
  return new SquibError(`Version ${imageVersion} was not built: ${why}`, 'The build log above tells more.');
}
