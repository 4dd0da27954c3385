import { FieldBlock } from '../field-block.ts';
import { readLength } from '../http1/fields.ts';
import { type Fields, type Inbound, inbound, type Sifted, sift } from '../inbound.ts';
import { joinCookies } from './headers.ts';

/** What HTTP/1.1 could misread. nghttp2 refuses most of it; the guest's parser is not trusted to. */
const safeValue = /^[\t\x20-\x7e\x80-\xff]*$/;
const safeName = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const safeTarget = /^(?:\/[\x21-\x22\x24-\x7e\x80-\xff]*|\*)$/;
const safeMethod = /^[!#$%&'*+\-.^_`|~\w]{1,32}$/;
const authorityForm = /^[\w.\-[\]:]{1,255}$/;
const colon = 58;

/** The fields of a connection's last request: clients mostly send the same ones again. */
export interface FieldListMemo {
  /** Fields with the authority behind them, so that one look tells whether all is the same. */
  list: Fields;
  found: Sifted | undefined;
}

/** @returns undefined when the request cannot be passed on safely. */
export function readHttp2Request(
  raw: readonly string[],
  endStream: boolean,
  memo: FieldListMemo,
): Inbound | undefined {
  let method = '';
  let target = '';
  let authority: string | undefined;
  const fields: Fields = [];
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!;
    const value = raw[at + 1]!;
    if (name.charCodeAt(0) !== colon) fields.push(name, value);
    else if (name === ':path') target = value;
    else if (name === ':method') method = value;
    else if (name === ':authority') authority = value;
  }
  if (!safeMethod.test(method) || !safeTarget.test(target)) return undefined;
  const found = readSifted(fields, authority, memo);
  if (!found) return undefined;
  let length: Inbound['length'] = endStream ? undefined : 'unknown';
  if (found.contentLength !== undefined) {
    const announced = readLength(found.contentLength);
    if (announced === undefined || (endStream && announced !== 0)) return undefined;
    length = announced;
  } else if (endStream && (method === 'POST' || method === 'PUT' || method === 'PATCH')) {
    length = 0;
  }
  return inbound(found, { method, target, authority: found.host, length, upgrade: false });
}

/** @returns what the fields say, `host` being the authority; undefined when they are not safe. */
function readSifted(fields: Fields, named: string | undefined, memo: FieldListMemo): Sifted | undefined {
  const list = [...fields, named ?? ''];
  if (memo.found && sameText(memo.list, list)) return memo.found;
  for (let at = 0; at < fields.length; at += 2) {
    if (!safeName.test(fields[at]!) || !safeValue.test(fields[at + 1]!)) return undefined;
  }
  const found = sift(joinCookies(fields));
  const authority = named ?? found.host;
  if (!authorityForm.test(authority) || found.hosts > 1) return undefined;
  if (found.hosts === 0) found.fields = new FieldBlock(['host', authority, ...found.fields.list]);
  else if (found.host.toLowerCase() !== authority.toLowerCase()) return undefined;
  found.host = authority;
  memo.list = list;
  memo.found = found;
  return found;
}

function sameText(one: readonly string[], other: readonly string[]): boolean {
  if (one.length !== other.length) return false;
  for (let at = 0; at < one.length; at++) if (one[at] !== other[at]) return false;
  return true;
}
