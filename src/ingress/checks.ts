import type { EndpointDirectory } from '../control/endpoints.ts';
import type { TokenGrant } from '../control/tokens.ts';
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
  readonly tokens: Tokens;
  readonly directory: EndpointDirectory;
  token: string;
  claims: TokenGrant | undefined;
  admission: Admission;
}

type Verdict = Refusal | undefined;
type Check = (visit: Visit) => Verdict | Promise<Verdict>;

const defaultPort = 8080;

/** A subprotocol list that breaks the rules of spec networking-and-proxy 5.1 ends the handshake. */
function usableSubprotocols(visit: Visit): Verdict {
  return visit.request.subprotocols === 'unusable' ? refusals.badSubprotocols : undefined;
}

/** Decision P9: the header's token wins over the subprotocol's. */
function carriesToken(visit: Visit): Verdict {
  const { token, subprotocols } = visit.request;
  const carried = token ?? (typeof subprotocols === 'object' ? subprotocols.token : undefined);
  if (carried === undefined) return refusals.missingAuthentication;
  visit.token = carried;
  return undefined;
}

function opensToken(visit: Visit): Verdict | Promise<Verdict> {
  visit.claims = visit.tokens.remembered(visit.token);
  if (visit.claims) return undefined;
  return visit.tokens.read(visit.token).then((claims) => {
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
  const endpoint = visit.directory.find(visit.request.authority);
  if (!endpoint || endpoint.microvmId !== claims.microvmId || claims.expiresAt <= Date.now()) {
    return refusals.authenticationFailed;
  }
  visit.admission.microvmId = endpoint.microvmId;
  visit.admission.kind = claims.kind;
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
    visit.admission.port = defaultPort;
    return undefined;
  }
  const number = /^\d{1,5}$/.test(asked) ? Number(asked) : 0;
  if (number < 1 || number > 65_535) return refusals.badPort;
  visit.admission.port = number;
  return undefined;
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
export function admit(
  request: Inbound,
  tokens: Tokens,
  directory: EndpointDirectory,
): Admission | Refusal | Promise<Admission | Refusal> {
  const admission: Admission = { microvmId: '', kind: 'app', port: 0 };
  return proceed({ request, tokens, directory, token: '', claims: undefined, admission }, 0);
}
