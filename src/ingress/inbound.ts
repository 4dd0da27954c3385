import { randomUUID } from 'node:crypto';
import { browserCookie, takeBrowserCookie } from './browser-links.ts';
import { FieldBlock } from './field-block.ts';
import { readSubprotocols, type Subprotocols } from './subprotocols.ts';

/** Header fields: name, value, name, value, in the order and case of the sender. */
export type Fields = string[];

/** A request as it is passed on, whatever protocol it came in by. */
export interface Inbound {
  readonly requestId: string;
  readonly method: string;
  /** Path and query, or `*`. */
  readonly target: string;
  /** `Host` or `:authority` as sent. */
  readonly authority: string;
  /** What the application sees (spec: networking-and-proxy section 4), without framing and subprotocols. */
  readonly fields: FieldBlock;
  /** Body length in bytes; `unknown` until its end; undefined when there is no body and no length was sent. */
  readonly length: number | 'unknown' | undefined;
  readonly token: string | undefined;
  /** Token of squib's own cookie. */
  readonly cookieToken: string | undefined;
  readonly port: string | undefined;
  readonly forceHttp2: boolean;
  readonly contentType: string;
  /** True for a WebSocket handshake. */
  readonly upgrade: boolean;
  /** Only for a WebSocket handshake; `unusable` when the list breaks the rules. */
  readonly subprotocols: Subprotocols | 'unusable' | undefined;
  /** `te: trailers` was sent. */
  readonly wantsTrailers: boolean;
  /** Epoch milliseconds. */
  readonly startedAt: number;
}

/** What {@link sift} finds besides the fields that are passed on. */
export interface Sifted {
  fields: FieldBlock;
  hosts: number;
  host: string;
  contentLength: string | undefined;
  transferEncoding: string | undefined;
  connection: string;
  upgrade: string;
  websocketProtocol: string | undefined;
  token: string | undefined;
  cookieToken: string | undefined;
  port: string | undefined;
  forceHttp2: boolean;
  contentType: string;
  wantsTrailers: boolean;
  expectsContinue: boolean;
}

/** Joined as the header rules say, so that a field sent twice is neither form of a single value. */
const join = (before: string | undefined, value: string) =>
  before === undefined ? value : `${before}, ${value}`;

/**
 * Separates what is for the proxy from what is for the application: `X-aws-proxy-*`, hop-by-hop fields and a
 * request id of the client's own go, everything else stays untouched.
 */
export function sift(raw: Fields): Sifted {
  const fields: Fields = [];
  const found: Sifted = {
    fields: new FieldBlock(fields),
    hosts: 0,
    host: '',
    contentLength: undefined,
    transferEncoding: undefined,
    connection: '',
    upgrade: '',
    websocketProtocol: undefined,
    token: undefined,
    cookieToken: undefined,
    port: undefined,
    forceHttp2: false,
    contentType: '',
    wantsTrailers: false,
    expectsContinue: false,
  };
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!;
    const value = raw[at + 1]!;
    const lower = name.toLowerCase();
    switch (lower) {
      case 'host':
        found.hosts++;
        found.host = value;
        break;
      case 'connection':
        found.connection = found.connection ? `${found.connection},${value}` : value;
        continue;
      case 'content-length':
        found.contentLength = join(found.contentLength, value);
        continue;
      case 'transfer-encoding':
        found.transferEncoding = join(found.transferEncoding, value);
        continue;
      case 'upgrade':
        found.upgrade = found.upgrade ? `${found.upgrade}, ${value}` : value;
        continue;
      case 'sec-websocket-protocol':
        found.websocketProtocol = join(found.websocketProtocol, value);
        continue;
      case 'te':
        found.wantsTrailers ||= /(^|[ ,])trailers([ ,;]|$)/i.test(value);
        continue;
      case 'keep-alive':
      case 'proxy-connection':
      case 'http2-settings':
      case 'x-amzn-requestid': // Decision P16: replaced by ours
        continue;
      case 'expect':
        found.expectsContinue = value.toLowerCase() === '100-continue';
        break;
      case 'content-type':
        found.contentType = value;
        break;
      case 'cookie':
        if (value.includes(browserCookie)) {
          const { token, rest } = takeBrowserCookie(value);
          found.cookieToken ??= token;
          if (rest !== '') fields.push(name, rest);
          continue;
        }
        break;
      case 'x-aws-proxy-auth':
        found.token = join(found.token, value);
        continue;
      case 'x-aws-proxy-port':
        found.port = join(found.port, value);
        continue;
      case 'x-aws-proxy-force-h2':
        found.forceHttp2 = value.toLowerCase() === 'true';
        continue;
      default:
        if (lower.startsWith('x-aws-proxy-')) continue;
    }
    fields.push(name, value);
  }
  if (found.connection.length > 12 || found.connection.includes(',')) dropNominated(found);
  return found;
}

/** Fields that `Connection` names are meant for this hop only. `Host` stays: routing has been decided with it. */
function dropNominated(found: Sifted): void {
  const named = new Set(found.connection.toLowerCase().split(/[ \t]*,[ \t]*/));
  for (const common of ['close', 'keep-alive', 'upgrade', 'host', 'te', '']) named.delete(common);
  if (named.size === 0) return;
  const kept: Fields = [];
  const { list } = found.fields;
  for (let at = 0; at < list.length; at += 2) {
    if (!named.has(list[at]!.toLowerCase())) kept.push(list[at]!, list[at + 1]!);
  }
  found.fields = new FieldBlock(kept);
}

/** Puts together what {@link sift} found and what only the protocol's own code knows. */
export function inbound(
  found: Sifted,
  request: { method: string; target: string; authority: string; length: Inbound['length']; upgrade: boolean },
): Inbound {
  let subprotocols: Inbound['subprotocols'];
  let fields = found.fields;
  if (found.websocketProtocol !== undefined) {
    if (request.upgrade) subprotocols = readSubprotocols(found.websocketProtocol) ?? 'unusable';
    else fields = new FieldBlock([...fields.list, 'Sec-WebSocket-Protocol', found.websocketProtocol]);
  }
  return {
    requestId: randomUUID(),
    method: request.method,
    target: request.target,
    authority: request.authority,
    fields,
    length: request.length,
    token: found.token,
    cookieToken: found.cookieToken,
    port: found.port,
    forceHttp2: found.forceHttp2,
    contentType: found.contentType,
    upgrade: request.upgrade,
    subprotocols,
    wantsTrailers: found.wantsTrailers,
    startedAt: Date.now(),
  };
}
