import type { OutgoingHttpHeaders } from 'node:http2';
import { forHttp2 } from '../field-block.ts';
import type { Fields } from '../inbound.ts';

/** Adds fields to headers as Node's HTTP/2 takes them: lower case, several values as a list. */
export function addFields(headers: OutgoingHttpHeaders, given: Fields): OutgoingHttpHeaders {
  const fields = forHttp2(given);
  for (let at = 0; at < fields.length; at += 2) {
    const name = fields[at]!;
    const value = fields[at + 1]!;
    const before = headers[name];
    if (before === undefined) headers[name] = value;
    else if (Array.isArray(before)) before.push(value);
    else headers[name] = [String(before), value];
  }
  return headers;
}

/** Splits Node's flat list into pseudo-header fields and the others. */
export function splitPseudo(raw: readonly string[]): { pseudo: Map<string, string>; fields: Fields } {
  const pseudo = new Map<string, string>();
  const fields: Fields = [];
  for (let at = 0; at < raw.length; at += 2) {
    if (raw[at]!.startsWith(':')) pseudo.set(raw[at]!, raw[at + 1]!);
    else fields.push(raw[at]!, raw[at + 1]!);
  }
  return { pseudo, fields };
}

/** RFC 9113 8.2.3: cookies may come one by one, HTTP/1.1 has one field for all. */
export function joinCookies(fields: Fields): Fields {
  const first = fields.indexOf('cookie');
  if (first < 0) return fields;
  const cookies: string[] = [];
  const kept: Fields = [];
  let place = -1;
  for (let at = 0; at < fields.length; at += 2) {
    if (fields[at] !== 'cookie') {
      kept.push(fields[at]!, fields[at + 1]!);
      continue;
    }
    if (place < 0) place = kept.length;
    cookies.push(fields[at + 1]!);
  }
  if (place >= 0) kept.splice(place, 0, 'cookie', cookies.join('; '));
  return kept;
}
