import { readFileSync } from 'node:fs';
import { request } from 'node:https';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateMicrovmAuthTokenCommand,
  GetMicrovmCommand,
  type GetMicrovmResponse,
  type PortSpecification,
  RunMicrovmCommand,
  type RunMicrovmRequest,
} from '@aws-sdk/client-lambda-microvms';
import type { TestSquib } from './squib.ts';

export interface Answer {
  status: number;
  body: string;
  headers: NodeJS.Dict<string | string[]>;
}

export const autoResume = {
  maxIdleDurationSeconds: 600,
  suspendedDurationSeconds: 600,
  autoResumeEnabled: true,
};

export async function get(squib: TestSquib, microvmIdentifier: string): Promise<GetMicrovmResponse> {
  return squib.clients.microvms.send(new GetMicrovmCommand({ microvmIdentifier }));
}

/** Waits for a state; fails at once when the MicroVM ended instead. */
export async function until(squib: TestSquib, id: string, wanted: string): Promise<GetMicrovmResponse> {
  for (;;) {
    const microvm = await get(squib, id);
    if (microvm.state === wanted) return microvm;
    if (microvm.state === 'TERMINATED') throw new Error(`${id} ended: ${microvm.stateReason}\n${squib.log}`);
    await sleep(20);
  }
}

export async function mint(
  squib: TestSquib,
  microvmIdentifier: string,
  allowedPorts: PortSpecification[] = [{ allPorts: {} }],
): Promise<string> {
  const { authToken } = await squib.clients.microvms.send(
    new CreateMicrovmAuthTokenCommand({ microvmIdentifier, expirationInMinutes: 10, allowedPorts }),
  );
  return authToken?.['X-aws-proxy-auth'] ?? '';
}

/** Sends one HTTPS request to an endpoint, on a connection of its own. */
export function send(
  squib: TestSquib,
  endpoint: string,
  path: string,
  headers: Record<string, string> = {},
): Promise<Answer> {
  const { hostname } = new URL(`https://${endpoint}`);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        host: '127.0.0.1',
        port: squib.config.endpoint.port,
        servername: hostname,
        path,
        ca: squib.ca,
        headers: { host: endpoint, ...headers },
        agent: false,
      },
      async (response) => {
        const body = Buffer.concat(await response.toArray()).toString('utf8');
        resolve({ status: response.statusCode ?? 0, body, headers: response.headers });
      },
    );
    outgoing.on('error', reject);
    outgoing.end();
  });
}

/** A MicroVM under test with a token for all of its ports. */
export interface TestMicrovm {
  id: string;
  endpoint: string;
  /** GETs a path on port 8080 and parses the JSON of a 200. */
  json(path: string): Promise<Record<string, unknown>>;
  send(path: string, headers?: Record<string, string>): Promise<Answer>;
  /** Process id of its QEMU. */
  pid(): number;
}

/** RunMicrovm without waiting for RUNNING. */
export async function launch(
  squib: TestSquib,
  imageIdentifier: string,
  settings: Partial<RunMicrovmRequest> = {},
): Promise<TestMicrovm> {
  const { microvmId: id = '', endpoint = '' } = await squib.clients.microvms.send(
    new RunMicrovmCommand({ imageIdentifier, idlePolicy: autoResume, ...settings }),
  );
  return attach(squib, id, endpoint);
}

/** A MicroVM that exists, with a new token. */
export async function attach(squib: TestSquib, id: string, endpoint: string): Promise<TestMicrovm> {
  const token = await mint(squib, id);
  const sendTo = (path: string, headers: Record<string, string> = {}) =>
    send(squib, endpoint, path, { 'x-aws-proxy-auth': token, ...headers });
  return {
    id,
    endpoint,
    send: sendTo,
    async json(path) {
      const { status, body } = await sendTo(path);
      if (status !== 200) throw new Error(`${path} answered ${status}: ${body}\n${squib.log.slice(-4000)}`);
      return JSON.parse(body);
    },
    pid: () => Number(readFileSync(join(squib.layout.microvm(id), 'pid'), 'utf8').split(' ')[0]),
  };
}

export async function run(
  squib: TestSquib,
  image: string,
  settings: Partial<RunMicrovmRequest> = {},
): Promise<TestMicrovm> {
  const microvm = await launch(squib, image, settings);
  await until(squib, microvm.id, 'RUNNING');
  return microvm;
}

/** A process that ended but was not yet waited for by whoever inherited it counts as dead. */
export function isAlive(pid: number): boolean {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    return stat[stat.lastIndexOf(')') + 2] !== 'Z';
  } catch {
    return false;
  }
}
