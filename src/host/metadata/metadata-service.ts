import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Log } from '../../log/log.ts';
import { MetadataTokens } from './metadata-tokens.ts';
import type { RoleCredentialFiles, RoleCredentials } from './role-credentials.ts';

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
  readonly #roles: RoleCredentialFiles;
  readonly #log: Log;
  readonly #now: () => number;
  readonly #tokens: MetadataTokens;

  /** @param now epoch milliseconds */
  constructor(roles: RoleCredentialFiles, log: Log, now: () => number = Date.now) {
    this.#roles = roles;
    this.#log = log;
    this.#now = now;
    this.#tokens = new MetadataTokens(now);
  }

  /** What one MicroVM's connections are handed to; it may outlive its suspensions. */
  forClient(client: MetadataClient): { connection(stream: Duplex): void } {
    let session: Session | undefined;
    const open = new Set<Duplex>();
    const server: Server = createServer(
      { maxHeaderSize: 8192, requestTimeout: 10_000, keepAliveTimeout: 30_000 },
      (request, response) => {
        request.resume();
        try {
          session = this.#respond(client, session, request, response);
        } catch (error) {
          this.#log.error('metadata.failed', { microvmId: client.microvmId, error });
          answer(response, 500, 'Internal Server Error');
        }
      },
    );
    return {
      connection: (stream) => {
        stream.on('error', () => {}); // the guest gave it up
        if (open.size >= maxConnections) {
          stream.destroy();
          return;
        }
        open.add(stream);
        stream.once('close', () => open.delete(stream));
        server.emit('connection', stream);
      },
    };
  }

  #respond(
    client: MetadataClient,
    session: Session | undefined,
    request: IncomingMessage,
    response: ServerResponse,
  ): Session | undefined {
    const { method, url: path = '' } = request;
    if (path === tokenPath && method === 'PUT') {
      this.#issueToken(client, request, response);
      return session;
    }
    if (method !== 'GET' && method !== 'HEAD') {
      answer(response, 405, 'Method Not Allowed');
      return session;
    }
    // Decision I3: without a token, as with the first version of the service, nothing.
    if (!this.#tokens.holds(client.microvmId, String(request.headers[tokenHeader] ?? ''))) {
      answer(response, 401, 'Unauthorized');
      return session;
    }
    const current = this.#session(client, session);
    if (current && (path === rolesPath || `${path}/` === rolesPath)) {
      answer(response, 200, roleName);
    } else if (current && path === rolesPath + roleName) {
      answer(response, 200, JSON.stringify(document(current), null, 2), 'application/json');
    } else {
      answer(response, 404, 'Not Found');
    }
    return current;
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

  /** The same credentials until they are said to have expired. */
  #session(client: MetadataClient, session: Session | undefined): Session | undefined {
    const { executionRoleArn: role, startedAt } = client;
    if (role === undefined) return undefined;
    const now = this.#now();
    if (session && now < session.lastUpdated + lifetimeMs) return session;
    const credentials = this.#roles.find(role);
    if (!credentials) return undefined;
    const first = session === undefined && now < startedAt + lifetimeMs;
    return { credentials, lastUpdated: first ? startedAt : now };
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
