import type { EndpointDirectory } from '../control/endpoints.ts';
import type { TokenGrant } from '../control/tokens.ts';
import { type BrowserLinks, fromSameOrigin, linkPrefix } from './browser-links.ts';
import type { Inbound } from './inbound.ts';
import { type Refusal, refusals } from './refusals.ts';
import { allowsPort, type Tokens } from './tokens.ts';

/** A request that may go on: to which MicroVM, and to a port or to a shell. */
export interface Admission {
  microvmId: string;
  kind: 'app' | 'shell';
  /** 1–65535; without meaning for a shell. */
  port: number;
}

/** What the checks have found so far. */
interface Visit {
  readonly request: Inbound;
  readonly door: Door;
  /** True when squib's cookie carries the token. */
  byCookie: boolean;
  token: string;
  claims: TokenGrant | undefined;
  admission: Admission;
}

/** What requests are checked against. */
export interface Door {
  readonly tokens: Tokens;
  readonly directory: EndpointDirectory;
  readonly links: BrowserLinks;
}

type Verdict = Refusal | undefined;
type Check = (visit: Visit) => Verdict | Promise<Verdict>;

const defaultPort = 8080;

/** A subprotocol list that breaks the rules of spec networking-and-proxy 5.1 ends the handshake. */
function usableSubprotocols(visit: Visit): Verdict {
  return visit.request.subprotocols === 'unusable' ? refusals.badSubprotocols : undefined;
}

/** Decision P9: the header's token wins over the subprotocol's. */
function carriesToken(visit: Visit): Verdict | Promise<Verdict> {
  const { token, subprotocols } = visit.request;
  const carried = token ?? (typeof subprotocols === 'object' ? subprotocols.token : undefined);
  if (carried === undefined) return browserWithoutToken(visit);
  visit.token = carried;
  return undefined;
}

/** Off the AWS path, where AWS has one answer: a browser opens a link, or has opened one and sends squib's cookie. */
function browserWithoutToken(visit: Visit): Verdict | Promise<Verdict> {
  const { request, door } = visit;
  if (request.target.startsWith(linkPrefix)) {
    return door.links.open(request, door.directory.find(request.authority)?.microvmId);
  }
  if (request.cookieToken === undefined) return refusals.missingAuthentication;
  if (!fromSameOrigin(request)) return refusals.otherOrigin;
  visit.token = request.cookieToken;
  visit.byCookie = true;
  return undefined;
}

function opensToken(visit: Visit): Verdict | Promise<Verdict> {
  visit.claims = visit.door.tokens.remembered(visit.token);
  if (visit.claims) return undefined;
  return visit.door.tokens.read(visit.token).then((claims) => {
    if (claims === 'unparseable') return refusals.missingAuthentication;
    if (claims === 'untrusted') return refusals.authenticationFailed;
    visit.claims = claims;
    return undefined;
  });
}

/**
 * An unknown host is answered like a token of another MicroVM, so that names cannot be probed; decision P3: an
 * expired token, too. Decision P21: each request is looked at, a stream or WebSocket only when it opens.
 */
function tokenFitsHost(visit: Visit): Verdict {
  const claims = visit.claims!;
  const endpoint = visit.door.directory.find(visit.request.authority);
  if (!endpoint || endpoint.microvmId !== claims.microvmId || claims.expiresAt <= Date.now()) {
    return refusals.authenticationFailed;
  }
  if ((claims.kind === 'browser') !== visit.byCookie) return refusals.authenticationFailed;
  visit.admission.microvmId = endpoint.microvmId;
  visit.admission.kind = claims.kind === 'shell' ? 'shell' : 'app';
  // Decision P1: without a connector for it, no port is open.
  const open = claims.kind === 'shell' ? endpoint.shellIngress : endpoint.httpIngress;
  return open ? undefined : refusals.portDenied;
}

/**
 * A shell token opens a shell by WebSocket and nothing else (spec: shell section 2). Decision S1: whatever port is
 * asked for. Decision S2: an app token never opens one, whatever its ports.
 */
function shellOnlyByWebSocket(visit: Visit): Verdict {
  return visit.claims!.kind === 'shell' && !visit.request.upgrade ? refusals.unavailable : undefined;
}

/** Decision P8: the header's port wins over the subprotocol's. */
function portIsPort(visit: Visit): Verdict {
  if (visit.claims!.kind === 'shell') return undefined;
  const { port, subprotocols } = visit.request;
  const asked = port ?? (typeof subprotocols === 'object' ? subprotocols.port : undefined);
  if (asked === undefined) {
    visit.admission.port = defaultPortFor(visit.claims!);
    return undefined;
  }
  const number = /^\d{1,5}$/.test(asked) ? Number(asked) : 0;
  if (number < 1 || number > 65_535) return refusals.badPort;
  visit.admission.port = number;
  return undefined;
}

/** A browser cannot name a port; its link did. */
function defaultPortFor({ kind, ports }: TokenGrant): number {
  return kind === 'browser' && ports !== 'all' ? (ports[0]?.startPort ?? defaultPort) : defaultPort;
}

function portIsAllowed(visit: Visit): Verdict {
  const claims = visit.claims!;
  if (claims.kind === 'shell' || allowsPort(claims.ports, visit.admission.port)) return undefined;
  return refusals.portDenied;
}

/** The order is AWS's (spec: networking-and-proxy section 3). State, resume and dialling come after it. */
const checks: Check[] = [
  usableSubprotocols,
  carriesToken,
  opensToken,
  tokenFitsHost,
  shellOnlyByWebSocket,
  portIsPort,
  portIsAllowed,
];

function proceed(visit: Visit, from: number): Admission | Refusal | Promise<Admission | Refusal> {
  for (let at = from; at < checks.length; at++) {
    const verdict = checks[at]!(visit);
    if (verdict instanceof Promise) {
      return verdict.then((refusal) => refusal ?? proceed(visit, at + 1));
    }
    if (verdict) return verdict;
  }
  return visit.admission;
}

/** Runs all checks; synchronous when the token is remembered, so that most requests wait for nothing. */
export function admit(request: Inbound, door: Door): Admission | Refusal | Promise<Admission | Refusal> {
  const admission: Admission = { microvmId: '', kind: 'app', port: 0 };
  return proceed({ request, door, byCookie: false, token: '', claims: undefined, admission }, 0);
}
