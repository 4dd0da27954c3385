import { mkdtemp, rm } from 'node:fs/promises';
import { type RequestOptions, request, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { LambdaMicrovmsClient } from '@aws-sdk/client-lambda-microvms';
import { S3Client } from '@aws-sdk/client-s3';
import type { AuditRecord } from '../../src/aws/audit.ts';
import { createFrontDoor, type FrontDoorHandlers, type FrontDoorOptions } from '../../src/aws/front-door.ts';
import type { Credential } from '../../src/aws/sigv4/credential.ts';
import { getCallerIdentity } from '../../src/aws/sts/sts-service.ts';
import { createLog } from '../../src/log/log.ts';
import { ObjectStore } from '../../src/store/object-store.ts';

export const REGION = 'eu-test-1';
export const CREDENTIAL: Credential = {
  accessKeyId: 'AKIDSQUIBTEST0000001',
  secretAccessKey: 'not-a-real-secret/with+signs',
  accountId: '111111111111',
  arn: 'arn:aws:iam::111111111111:root',
  userId: '111111111111',
};

export interface RawAnswer {
  status: number;
  headers: Record<string, string | string[] | undefined>;
  body: string;
}

const STS = 'https://sts.amazonaws.com/doc/2011-06-15/';

export interface Running {
  url: string;
  port: number;
  store: ObjectStore;
  dir: string;
  server: Server;
  audit: AuditRecord[];
  /** Lines that the front door logged. */
  logged: string[];
}

/** A front door on a free port of the loopback, with its own object store; gone when the test ends. */
export async function start(
  t: TestContext,
  handlers: FrontDoorHandlers = {},
  options: Partial<FrontDoorOptions> & { dir?: string } = {},
): Promise<Running> {
  const dir = options.dir ?? (await mkdtemp(join(tmpdir(), 'squib-aws-')));
  const store = await ObjectStore.open(join(dir, 's3'));
  const audit: AuditRecord[] = [];
  const logged: string[] = [];
  const { createServer } = createFrontDoor({
    handlers,
    objectStore: store,
    findCredential: (id) => (id === CREDENTIAL.accessKeyId ? CREDENTIAL : undefined),
    log: createLog((line) => logged.push(line)),
    audit: (record) => audit.push(record),
    queryServices: [
      { signingName: 'sts', namespace: STS, actions: { GetCallerIdentity: getCallerIdentity } },
    ],
    ...options,
  });
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  t.after(async () => {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
    store.close();
    await rm(dir, { recursive: true, force: true });
  });
  return { url: `http://127.0.0.1:${port}`, port, store, dir, server, audit, logged };
}

export function microvmsClient(t: TestContext, { url }: Running): LambdaMicrovmsClient {
  const client = new LambdaMicrovmsClient({
    endpoint: url,
    region: REGION,
    credentials: CREDENTIAL,
    maxAttempts: 1,
  });
  t.after(() => client.destroy());
  return client;
}

export function s3Client(t: TestContext, { url }: Running): S3Client {
  const client = new S3Client({
    endpoint: url,
    region: REGION,
    credentials: CREDENTIAL,
    forcePathStyle: true,
    maxAttempts: 1,
  });
  t.after(() => client.destroy());
  return client;
}

/** One request as it is written here: path, headers and body reach the server untouched. */
export function raw(
  { port }: { port: number },
  options: RequestOptions & { body?: string | Buffer },
): Promise<RawAnswer> {
  const { body, ...rest } = options;
  return new Promise((resolve, reject) => {
    const outgoing = request({ host: '127.0.0.1', port, agent: false, ...rest }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () =>
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          body: Buffer.concat(chunks).toString(),
        }),
      );
      response.on('error', reject);
    });
    outgoing.on('error', reject);
    outgoing.end(body);
  });
}

/** An error of an AWS SDK. */
export interface SdkError extends Error {
  $metadata: { httpStatusCode?: number };
}

/** The error that a call must end with. */
export async function failure(call: Promise<unknown>): Promise<SdkError> {
  let value: unknown;
  try {
    value = await call;
  } catch (error) {
    return error as SdkError;
  }
  throw new Error(`expected an error, got ${JSON.stringify(value)}`);
}
