import type { IncomingMessage } from 'node:http';
import type { Credential } from '../sigv4/credential.ts';
import type { SignableRequest } from '../sigv4/types.ts';

/** A request as all front doors see it: target split but not decoded, headers joined as they came. */
export interface Incoming extends SignableRequest {
  message: IncomingMessage;
  requestId: string;
  /** The client wants a WebSocket, and may have one. */
  upgrade?: boolean;
  /** Who is signed in to the web console that sent it, in place of a signature. */
  session?: { credential: Credential; region: string };
}

/** Several headers of these names would mean different things to different readers. */
const ONLY_ONCE = new Set([
  'host',
  'authorization',
  'x-amz-date',
  'x-amz-content-sha256',
  'x-amz-security-token',
  'content-length',
]);

/** @returns undefined for a request that nobody should answer in earnest: no path, no host, doubled headers. */
export function readIncoming(message: IncomingMessage, requestId: string): Incoming | undefined {
  const headers = new Map<string, string>();
  const raw = message.rawHeaders;
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i]!.toLowerCase();
    const before = headers.get(name);
    if (before !== undefined && ONLY_ONCE.has(name)) return undefined;
    headers.set(name, before === undefined ? raw[i + 1]! : `${before},${raw[i + 1]!.trim()}`);
  }
  let target = message.url ?? '';
  if (!target.startsWith('/')) {
    // Absolute form, as a client behind a proxy sends it.
    const [, rest] = /^https?:\/\/[^/?#]*(.*)$/i.exec(target) ?? [];
    if (rest === undefined) return undefined;
    target = rest.startsWith('/') ? rest : `/${rest}`;
  }
  if (!headers.has('host')) return undefined;
  const at = target.indexOf('?');
  return {
    message,
    requestId,
    method: message.method ?? '',
    path: at < 0 ? target : target.slice(0, at),
    query: at < 0 ? '' : target.slice(at + 1),
    header: (name) => headers.get(name),
    headerNames: [...headers.keys()],
  };
}
