import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Log } from '../../log/log.ts';
import { limited } from '../network/limited.ts';
import { MetadataTokens } from './metadata-tokens.ts';
import type { RoleCredentials, RoleKeys } from './role-keys.ts';

const tokenPath = '/latest/api/token';
const rolesPath = '/latest/meta-data/iam/security-credentials/';
/** The only name that the listing shows, whatever the role is called (spec: iam-credentials 3). */
const roleName = 'execution_role';
const ttlHeader = 'x-aws-ec2-metadata-token-ttl-seconds';
const tokenHeader = 'x-aws-ec2-metadata-token';
const longestTtlSeconds = 21_600;
/** How long credentials are said to hold (spec: iam-credentials 3). */
const lifetimeMs = 55 * 60_000;
const maxConnections = 32;

/** The MicroVM that asks. */
export interface MetadataClient {
  microvmId: string;
  executionRoleArn: string | undefined;
  /** Epoch milliseconds. */
  startedAt: number;
}

interface Session {
  credentials: RoleCredentials;
  lastUpdated: number;
}

/** IMDSv2 in every MicroVM: the credentials of its execution role, and nothing else (Decision I2). */
export class MetadataService {
  readonly #roles: RoleKeys;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #tokens: MetadataTokens;

  /** @param now epoch milliseconds */
  constructor(roles: RoleKeys, log: Log, now: () => number = Date.now) {
    this.#roles = roles;
    this.#log = log;
    this.#now = now;
    this.#tokens = new MetadataTokens(now);
  }

  /** What one MicroVM's connections are handed to; it may outlive its suspensions. */
  forClient(client: MetadataClient): { connection(stream: Duplex): void } {
    const session = this.#sessionOf(client);
    const server: Server = createServer(
      { maxHeaderSize: 8192, requestTimeout: 10_000, keepAliveTimeout: 30_000 },
      (request, response) => {
        request.resume();
        this.#respond(client, session, request, response).catch((error) => {
          this.#log.error('metadata.failed', { microvmId: client.microvmId, error });
          answer(response, 500, 'Internal Server Error');
        });
      },
    );
    return { connection: limited(maxConnections, (stream) => server.emit('connection', stream)) };
  }

  async #respond(
    client: MetadataClient,
    session: () => Promise<Session | undefined>,
    request: IncomingMessage,
    response: ServerResponse,
  ): Promise<void> {
    const { method, url: path = '' } = request;
    if (path === tokenPath && method === 'PUT') {
      this.#issueToken(client, request, response);
      return;
    }
    if (method !== 'GET' && method !== 'HEAD') {
      answer(response, 405, 'Method Not Allowed');
      return;
    }
    // Decision I3: without a token, as with the first version of the service, nothing.
    if (!this.#tokens.holds(client.microvmId, String(request.headers[tokenHeader] ?? ''))) {
      answer(response, 401, 'Unauthorized');
      return;
    }
    const listing = path === rolesPath || `${path}/` === rolesPath;
    const current = listing || path === rolesPath + roleName ? await session() : undefined;
    if (!current) answer(response, 404, 'Not Found');
    else if (listing) answer(response, 200, roleName);
    else answer(response, 200, JSON.stringify(document(current), null, 2), 'application/json');
  }

  #issueToken(client: MetadataClient, request: IncomingMessage, response: ServerResponse): void {
    const text = String(request.headers[ttlHeader] ?? '');
    const seconds = Number(text);
    const valid = /^\d{1,5}$/.test(text) && seconds >= 1 && seconds <= longestTtlSeconds;
    // A proxy that was tricked into asking adds this header, as at EC2.
    if (!valid || request.headers['x-forwarded-for'] !== undefined) {
      answer(response, valid ? 403 : 400, valid ? 'Forbidden' : 'Bad Request');
      return;
    }
    response.setHeader(ttlHeader, text);
    answer(response, 200, this.#tokens.issue(client.microvmId, seconds));
  }

  /** The same credentials until they are said to have expired; asked for once, however many wait. */
  #sessionOf({ executionRoleArn: roleArn, microvmId, startedAt }: MetadataClient) {
    let session: Session | undefined;
    let asked: Promise<Session | undefined> | undefined;
    const ask = async (role: string): Promise<Session | undefined> => {
      const now = this.#now();
      // Named as AWS names them (spec: iam-credentials 2).
      const sessionName = `Lambda-microvmsExecutor-${microvmId.replace(/^microvm-/, '')}`;
      const credentials = await this.#roles.find({ roleArn: role, sessionName });
      const first = session === undefined && now < startedAt + lifetimeMs;
      session = credentials && { credentials, lastUpdated: first ? startedAt : now };
      return session;
    };
    return async (): Promise<Session | undefined> => {
      if (roleArn === undefined) return undefined;
      if (session && this.#now() < session.lastUpdated + lifetimeMs) return session;
      asked ??= ask(roleArn).finally(() => {
        asked = undefined;
      });
      return asked;
    };
  }
}

function document({ credentials, lastUpdated }: Session) {
  return {
    Code: 'Success',
    LastUpdated: instant(lastUpdated),
    Type: 'AWS-HMAC',
    AccessKeyId: credentials.accessKeyId,
    SecretAccessKey: credentials.secretAccessKey,
    Token: credentials.sessionToken,
    Expiration: instant(lastUpdated + lifetimeMs),
  };
}

const instant = (time: number) => new Date(time).toISOString().replace(/\.\d+Z$/, 'Z');

function answer(response: ServerResponse, status: number, body: string, contentType = 'text/plain'): void {
  response.writeHead(status, { 'content-type': contentType, 'content-length': Buffer.byteLength(body) });
  response.end(body);
}
