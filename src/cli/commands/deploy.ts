import { readFileSync } from 'node:fs';
import { basename, resolve } from 'node:path';
import type {
  CreateMicrovmImageRequest,
  GetMicrovmImageVersionOutput,
  UpdateMicrovmImageResponse,
} from '../../aws/models/lambda-microvms.ts';
import { SquibError } from '../../errors/squib-error.ts';
import { callAws, callerAccount, callLambda, Refused } from '../api/aws.ts';
import type { Wire } from '../api/call.ts';
import { type Connection, findConnection } from '../api/connection.ts';
import { argument } from '../argument.ts';
import { command, connectionOptions, type Values } from '../command.ts';
import { packFolder } from '../deploy/code-artifact.ts';
import { followBuild } from '../deploy/follow-build.ts';
import { checkOut, gitSource } from '../deploy/git-checkout.ts';
import { variables } from '../exec/variables.ts';
import { Progress } from '../progress.ts';
import { UsageError } from '../usage-error.ts';

const options = {
  name: { type: 'string', short: 'n', value: 'NAME', help: "of the image (the folder's name)" },
  memory: {
    type: 'string',
    short: 'm',
    value: 'MIB',
    help: 'baseline memory: 512, 1024, 2048, 4096 or 8192',
  },
  env: {
    type: 'string',
    short: 'e',
    multiple: true,
    value: 'NAME=VALUE',
    help: 'set a variable of the image',
  },
  settings: {
    type: 'string',
    value: 'FILE',
    complete: 'file',
    help: 'JSON with members of CreateMicrovmImage',
  },
  json: { type: 'boolean', help: 'print the result only, as JSON' },
  ...connectionOptions,
} as const;

const bucket = 'squib-deploy';

export const deploy = command({
  summary: 'make a MicroVM image of a folder with a Dockerfile, or its next version',
  synopsis: ['deploy FOLDER|REPOSITORY [OPTIONS]'],
  description: `Packs a folder, or a folder of one commit of a Git repository (URL#REF:FOLDER, of which REF and FOLDER may be left
out), uploads it, creates the image or makes its next version, and shows the build log until the version can run. FILE
of --settings holds further members of CreateMicrovmImage, such as hooks; members that an update leaves out are as if
they had never been set. Ends with code 1 when the build fails.`,
  options,
  complete: ['file'],
  examples: [
    'squib deploy examples/flask-hello',
    'squib deploy . --name api --memory 1024 --env MODE=test --settings microvm.json',
    'squib deploy https://git.example.com/team/app.git#v1.2:services/api',
    'squib deploy file:///home/me/app#my-branch',
  ],
  async run({ values, positionals }) {
    const source = argument(positionals, 'FOLDER');
    const repository = gitSource(source);
    if (!repository) return deployFolder(values, source, basename(resolve(source)));
    const checkout = await checkOut(repository);
    try {
      if (!values.json) console.log(`Checked out commit ${checkout.commit}`);
      await deployFolder(values, checkout.folder, checkout.name);
    } finally {
      checkout.remove();
    }
  },
});

async function deployFolder(values: Values<typeof options>, folder: string, called: string): Promise<void> {
  const name = values.name ?? called.replaceAll(/[^\w-]/g, '-');
  const connection = findConnection(values);
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
  console.log(`  squib run ${name} --wait`);
}

type Settings = Omit<CreateMicrovmImageRequest, 'name' | 'tags' | 'clientToken' | 'codeArtifact'>;

function settings(values: Values<typeof options>, region: string, account: string): Settings {
  const given = values.settings === undefined ? {} : readSettings(values.settings);
  const memory = Number(values.memory);
  if (values.memory !== undefined && !Number.isInteger(memory)) {
    throw new UsageError('--memory takes a number of MiB.');
  }
  return {
    baseImageArn: `arn:aws:lambda:${region}:aws:microvm-image:al2023-1`,
    buildRoleArn: `arn:aws:iam::${account}:role/squib-deploy`,
    ...given,
    ...(values.memory !== undefined && { resources: [{ minimumMemoryInMiB: memory }] }),
    environmentVariables: { ...given.environmentVariables, ...variables(values.env) },
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
