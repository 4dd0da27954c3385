import { FieldBlock } from '../field-block.ts';
import { type Inbound, inbound, type Sifted, sift } from '../inbound.ts';
import { type Refusal, refusals } from '../refusals.ts';
import { readFields, readLength } from './fields.ts';

/** A request's head as HTTP/1.1 says it. */
export interface RequestHead {
  request: Inbound;
  /** False for HTTP/1.0, which knows neither chunks nor informational answers. */
  modern: boolean;
  /** False when the client closes after the answer. */
  keepAlive: boolean;
}

const requestLine = /([!#$%&'*+\-.^_`|~\w]{1,32}) ([\x21-\x7e\x80-\xff]+) HTTP\/1\.([01])\r\n/y;
const authorityForm = /^[\w.\-[\]:]{1,255}$/;
const absoluteTarget = /^https?:\/\/([^/?#]+)(.*)$/i;
const mostFields = 200;
const slash = 47;

/** The fields of a connection's last request: clients mostly send the same ones again. */
export interface FieldMemo {
  text: string;
  found: Sifted | undefined;
}

function readSifted(text: string, memo: FieldMemo): Sifted | undefined {
  if (memo.found && memo.text === text) return memo.found;
  const raw = readFields(text, 0, mostFields);
  memo.found = raw && sift(raw);
  memo.text = text;
  return memo.found;
}

/**
 * Reads a request's head; `text` ends with the line end of its last field. Whatever two parsers could read in two
 * ways is refused (RFC 9112: 3.2, 5.1, 6.1, 11.2), so that nothing can be smuggled past the checks.
 * @param serverName name of the TLS handshake, which stands in for `Host` in HTTP/1.0.
 */
export function readRequestHead(text: string, serverName: string, memo: FieldMemo): RequestHead | Refusal {
  requestLine.lastIndex = 0;
  const line = requestLine.exec(text);
  if (!line) return refusals.badRequest;
  const modern = line[3] === '1';
  const found = readSifted(text.slice(requestLine.lastIndex), memo);
  if (!found) return refusals.badRequest;
  const method = line[1]!;
  const routed = route(line[2]!, found, method, modern, serverName);
  const length = bodyLength(found, modern);
  if (!routed || length === 'invalid') return refusals.badRequest;
  const connection = found.connection.toLowerCase();
  const upgrade = modern && /\bupgrade\b/.test(connection) && found.upgrade.toLowerCase() === 'websocket';
  // A handshake has no body and is a GET; anything else is a way to hide a request behind it.
  if (upgrade && (method !== 'GET' || (length !== undefined && length !== 0))) return refusals.badRequest;
  return {
    request: inbound(routed.found, {
      method,
      target: routed.target,
      authority: routed.authority,
      length: upgrade ? undefined : length,
      upgrade,
    }),
    modern,
    keepAlive: modern && !(connection !== '' && /\bclose\b/.test(connection)),
  };
}

/** Target and authority; undefined when they are malformed or contradict each other. */
function route(target: string, given: Sifted, method: string, modern: boolean, serverName: string) {
  let found = given;
  if (found.hosts > 1 || (found.hosts === 0 && modern)) return undefined;
  if (found.hosts === 0) {
    if (!serverName) return undefined;
    found = {
      ...found,
      host: serverName,
      fields: new FieldBlock(['Host', serverName, ...found.fields.list]),
    };
  }
  const authority = found.host;
  if (!authorityForm.test(authority) || target.includes('#')) return undefined;
  if (target.charCodeAt(0) === slash) return { target, authority, found };
  if (target === '*') return method === 'OPTIONS' ? { target, authority, found } : undefined;
  const absolute = absoluteTarget.exec(target);
  if (!absolute || absolute[1]!.toLowerCase() !== authority.toLowerCase()) return undefined;
  const path = absolute[2]!;
  return { target: path.startsWith('/') ? path : `/${path}`, authority, found };
}

function bodyLength(found: Sifted, modern: boolean): Inbound['length'] | 'invalid' {
  if (found.transferEncoding !== undefined) {
    const chunked = found.transferEncoding.toLowerCase() === 'chunked';
    return chunked && modern && found.contentLength === undefined ? 'unknown' : 'invalid';
  }
  if (found.contentLength === undefined) return undefined;
  return readLength(found.contentLength) ?? 'invalid';
}
