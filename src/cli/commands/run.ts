import { readFileSync } from 'node:fs';
import type { RunMicrovmRequest } from '../../aws/models/lambda-microvms.ts';
import { managedConnectorArn } from '../../control/arns.ts';
import { SquibError } from '../../errors/squib-error.ts';
import { callLambda } from '../api/aws.ts';
import { type Connection, findConnection } from '../api/connection.ts';
import { findImage } from '../api/lookup.ts';
import { mintToken } from '../api/tokens.ts';
import { argument } from '../argument.ts';
import { command, connectionOptions, jsonOption, type Values } from '../command.ts';
import { printFields, printJson } from '../print.ts';
import { Progress } from '../progress.ts';
import { seconds } from '../time.ts';
import { UsageError } from '../usage-error.ts';
import { type Microvm, waitForState } from '../wait.ts';

/** AWS's minimum of an idle time, and what a MicroVM may stay suspended without further notice. */
const defaultSuspended = 8 * 3600;

const options = {
  payload: { type: 'string', value: 'TEXT', help: 'for the /run hook; @FILE reads it from a file' },
  port: { type: 'string', short: 'p', value: 'PORT', help: 'that the shown request goes to (8080)' },
  wait: { type: 'boolean', short: 'w', help: 'until it runs, and fail with the reason when it does not' },
  idle: { type: 'string', value: 'TIME', help: 'suspend it after so long without traffic: 90s, 10m, 8h' },
  suspended: { type: 'string', value: 'TIME', help: 'end it after so long suspended (8h); goes with --idle' },
  'no-auto-resume': { type: 'boolean', help: 'do not wake it up with the next request; goes with --idle' },
  duration: { type: 'string', value: 'TIME', help: 'end it after so long (8h, the most)' },
  role: { type: 'string', value: 'ARN', help: 'execution role, whose keys it gets' },
  shell: { type: 'boolean', help: "admit AWS's shell at the endpoint too (SHELL_INGRESS)" },
  egress: {
    type: 'string',
    value: 'ARN',
    multiple: true,
    help: 'network connector instead of those of the image',
  },
  quiet: { type: 'boolean', short: 'q', help: 'print the id only' },
  ...jsonOption,
  ...connectionOptions,
} as const;

export const run = command({
  summary: 'run a MicroVM from an image',
  synopsis: ['run IMAGE[:VERSION] [OPTIONS]'],
  description: `Runs a MicroVM from the newest active version of IMAGE, a name or an ARN, or from the version given. Prints its id, its
endpoint, and a request with a token that is good for an hour. Requests that come before it runs are held until it does.`,
  options,
  complete: ['image'],
  examples: [
    'squib run hello',
    'squib run hello:2.0 --wait --idle 10m --suspended 8h',
    `squib run agent --payload '{"user": "ada"}' --port 3000`,
    'ID=$(squib run hello --quiet)',
  ],
  async run({ values, positionals }) {
    const text = argument(positionals, 'IMAGE');
    const port = Number(values.port ?? 8080);
    if (!(Number.isInteger(port) && port >= 1 && port <= 65_535))
      throw new UsageError('--port takes a port.');
    const connection = findConnection(values);
    const { imageArn, imageVersion } = await findImage(connection, text);
    const started = await callLambda<Microvm>(connection, 'RunMicrovm', {
      imageIdentifier: imageArn,
      ...(imageVersion && { imageVersion }),
      ...request(values, connection),
    });
    const { microvmId } = started;
    const progress = new Progress(process.stderr);
    const microvm = values.wait ? await waitForState(connection, microvmId, 'RUNNING', progress) : started;
    if (values.json) return printJson(microvm);
    if (values.quiet) return console.log(microvmId);
    await show(connection, microvm, port);
  },
});

async function show(
  connection: Connection,
  { microvmId, state, endpoint }: Microvm,
  port: number,
): Promise<void> {
  printFields({ ID: microvmId, State: state, Endpoint: `https://${endpoint}` });
  const token = await mintToken(connection, microvmId, { port, minutes: 60 }).catch((error: Error) => {
    console.error(`squib: no token was made: ${error.message}`);
    return undefined;
  });
  if (token === undefined) return;
  const toPort = port === 8080 ? '' : ` -H 'x-aws-proxy-port: ${port}'`;
  console.log(`\ncurl -H 'x-aws-proxy-auth: ${token}'${toPort} https://${endpoint}/`);
}

function request(values: Values<typeof options>, { region }: Connection): Partial<RunMicrovmRequest> {
  const { payload, idle, suspended, duration, role, egress } = values;
  if (idle === undefined && (suspended !== undefined || values['no-auto-resume'])) {
    throw new UsageError('--suspended and --no-auto-resume go with --idle.');
  }
  const ingress = ['HTTP_INGRESS', 'SHELL_INGRESS'].map((name) => managedConnectorArn(region, name));
  return {
    ...(payload !== undefined && { runHookPayload: readPayload(payload) }),
    ...(idle !== undefined && {
      idlePolicy: {
        maxIdleDurationSeconds: seconds(idle),
        suspendedDurationSeconds: suspended === undefined ? defaultSuspended : seconds(suspended),
        autoResumeEnabled: !values['no-auto-resume'],
      },
    }),
    ...(duration !== undefined && { maximumDurationInSeconds: seconds(duration) }),
    ...(role !== undefined && { executionRoleArn: role }),
    ...(values.shell && { ingressNetworkConnectors: ingress }),
    ...(egress !== undefined && { egressNetworkConnectors: egress }),
  };
}

function readPayload(text: string): string {
  if (!text.startsWith('@')) return text;
  try {
    return readFileSync(text.slice(1), 'utf8');
  } catch (error) {
    const problem = `The payload in ${text.slice(1)} cannot be read.`;
    throw new SquibError(problem, 'Check its path and mode.', { cause: error });
  }
}
