import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Audit } from '../aws/audit.ts';
import type { Answer } from '../aws/http/answer.ts';
import { type Incoming, readIncoming } from '../aws/http/incoming.ts';
import { SMALL_BODY } from '../aws/http/limits.ts';
import { readBody } from '../aws/http/read-body.ts';
import { callerOf } from '../aws/sigv4/authenticate.ts';
import type { ConsoleCall, WebConsole } from '../aws/web-console.ts';
import {
  CSRF_HEADER,
  isOwnHost,
  isSameOrigin,
  protect,
  sessionCookie,
  setCookie,
  withoutSecrets,
} from './guards.ts';
import type { ConsoleSessions, OpenedSession, SignedIn } from './sessions.ts';
import { bridgeShell, csrfSubprotocol, type EndpointAddress } from './shell-bridge.ts';
import type { StaticFiles } from './static-files.ts';

export interface WebConsoleParts {
  sessions: ConsoleSessions;
  files: StaticFiles;
  /** Name by which browsers may reach the console, beside `localhost` and addresses; empty: none. */
  ownName: string;
  /** Where the ingress of this daemon listens. */
  endpoint: () => Promise<EndpointAddress>;
  audit?: Audit;
  /** Epoch milliseconds. */
  now: () => number;
}

const ROOT = '/console';
const API = `${ROOT}/api/`;
const SESSION = `${ROOT}/session`;
const SHELL = `${ROOT}/shell`;
/** A session must not make the link for its successor. */
const LINKS = '/_squib/v1/console-links';

const JSON_TYPE = { 'content-type': 'application/json' };
const SIGN_IN = "Run 'squib console' and open the link that it prints.";

/**
 * The web console on the port of the API: the built page, sessions, and a way for the page to the same operations that
 * everybody calls, with its session in place of a signature.
 */
export function createWebConsole(parts: WebConsoleParts): WebConsole & { close(): void } {
  const { sessions, files, ownName, endpoint } = parts;
  const sockets = new Set<Duplex>();

  const receive: WebConsole['receive'] = async (incoming) => {
    const { path, method } = incoming;
    if (!isOwnHost(incoming.header('host') ?? '', ownName)) {
      return refuse(421, 'Misdirected', 'The web console is not served under this name.');
    }
    if (path.startsWith(API)) return api(incoming);
    if (path === SESSION) return session(incoming);
    if (method !== 'GET' && method !== 'HEAD') return refuse(405, 'MethodNotAllowed', 'Only GET and HEAD.');
    if (path === ROOT) return { answer: protect({ status: 308, headers: { location: `${ROOT}/` } }) };
    return { answer: protect(files.answer(path.slice(ROOT.length + 1))) };
  };

  const signedIn = (incoming: Incoming) =>
    sessions.find(sessionCookie(incoming), incoming.header(CSRF_HEADER) ?? '');

  const api = async (incoming: Incoming): Promise<{ answer: Answer } | { call: ConsoleCall }> => {
    const isRead = incoming.method === 'GET' || incoming.method === 'HEAD';
    if (!isSameOrigin(incoming, { required: !isRead })) return foreign();
    const found = await signedIn(incoming);
    if (!found) return refuse(401, 'NotSignedIn', `There is no session, or it has ended. ${SIGN_IN}`);
    const [, service = '', path = ''] = /^([a-z0-9-]+)(\/.*)$/.exec(incoming.path.slice(API.length)) ?? [];
    if (path === '') return refuse(404, 'NotFound', 'The path names no service.');
    if (path.startsWith(LINKS)) return refuse(403, 'AccessDenied', 'A session cannot make sign-in links.');
    const { credential, region } = found;
    const session = { credential, region };
    return { call: { service, incoming: { ...withoutSecrets(incoming), path, session } } };
  };

  /** Sign in (POST), who is signed in (GET), sign out (DELETE). */
  const session = async (incoming: Incoming): Promise<{ answer: Answer }> => {
    const { method } = incoming;
    if (!isSameOrigin(incoming, { required: method !== 'GET' })) return foreign();
    if (incoming.header(CSRF_HEADER) === undefined) return foreign();
    if (method === 'POST') return signIn(incoming);
    const found = await signedIn(incoming);
    if (!found) return refuse(401, 'NotSignedIn', SIGN_IN);
    if (method === 'GET') return json(200, view(found));
    if (method !== 'DELETE') return refuse(405, 'MethodNotAllowed', 'GET, POST or DELETE.');
    sessions.close(sessionCookie(incoming));
    return json(200, {}, { 'set-cookie': setCookie('', 0, isSecure(incoming)) });
  };

  const signIn = async (incoming: Incoming): Promise<{ answer: Answer }> => {
    const opened = await sessions.open(await linkToken(incoming));
    record(incoming, opened);
    if (!opened) {
      const why = `This sign-in link was used before, has expired, or is not complete. ${SIGN_IN}`;
      return refuse(403, 'LinkNotValid', why);
    }
    const seconds = Math.floor((opened.expiresAt - parts.now()) / 1000);
    const cookie = setCookie(opened.cookie, seconds, isSecure(incoming));
    return json(201, { ...view(opened), csrfToken: opened.csrfToken }, { 'set-cookie': cookie });
  };

  const record = (incoming: Incoming, opened: OpenedSession | undefined) =>
    parts.audit?.({
      ...{ time: parts.now(), requestId: incoming.requestId, service: 'signin', operation: 'ConsoleLogin' },
      ...{ readOnly: false, input: {}, status: opened ? 201 : 403, fromConsole: true },
      ...(opened
        ? {
            caller: callerOf(opened.credential, opened.region, incoming),
            output: { ConsoleLogin: 'Success' },
          }
        : { errorCode: 'LinkNotValid', errorMessage: 'The sign-in link is not valid.' }),
      sourceAddress: incoming.message.socket.remoteAddress ?? '',
      userAgent: incoming.header('user-agent') ?? '',
    });

  const mayUpgrade = async (incoming: Incoming): Promise<boolean> => {
    if (!isOwnHost(incoming.header('host') ?? '', ownName)) return false;
    if (!isSameOrigin(incoming, { required: true })) return false;
    const csrfToken = csrfSubprotocol(incoming.header('sec-websocket-protocol') ?? '');
    return (await sessions.find(sessionCookie(incoming), csrfToken)) !== undefined;
  };

  return {
    owns: (path) => path === ROOT || path.startsWith(`${ROOT}/`),
    receive,
    protect,
    upgrades: ({ url = '', headers }) =>
      url.startsWith(`${SHELL}/`) && headers.upgrade?.toLowerCase() === 'websocket',
    async upgrade(message: IncomingMessage, socket: Duplex, head: Buffer) {
      sockets.add(socket);
      socket.once('close', () => sockets.delete(socket));
      socket.on('error', () => socket.destroy());
      try {
        const incoming = readIncoming(message, '');
        if (!incoming || !(await mayUpgrade(incoming))) {
          socket.end('HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 0\r\n\r\n');
          return;
        }
        bridgeShell(incoming, incoming.path.slice(SHELL.length + 1), socket, head, await endpoint());
      } catch {
        socket.destroy();
      }
    },
    close() {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** The one-time token of a sign-in; empty when the body has none. */
async function linkToken(incoming: Incoming): Promise<string> {
  try {
    const body = JSON.parse((await readBody(incoming.message, SMALL_BODY)).toString()) as { token?: unknown };
    return typeof body.token === 'string' ? body.token : '';
  } catch {
    return '';
  }
}

/** The page itself came over TLS (of squib's own or of a proxy before it): its origin says so. */
function isSecure(incoming: Incoming): boolean {
  return incoming.header('origin')?.startsWith('https://') ?? false;
}

function view({ credential, region, expiresAt }: SignedIn & { expiresAt: number }) {
  const { arn, accountId } = credential;
  return { arn, accountId, region, expiresAt: new Date(expiresAt).toISOString() };
}

function json(status: number, body: object, headers: Record<string, string> = {}): { answer: Answer } {
  return { answer: protect({ status, headers: { ...JSON_TYPE, ...headers }, body: JSON.stringify(body) }) };
}

/** In the form of the services' errors, so that the page reads one form. */
function refuse(status: number, code: string, message: string): { answer: Answer } {
  return json(status, { message }, { 'x-amzn-errortype': code });
}

function foreign(): { answer: Answer } {
  return refuse(403, 'ForeignOrigin', 'The request does not come from a page of this console.');
}
