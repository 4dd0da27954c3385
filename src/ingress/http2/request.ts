import { FieldBlock } from '../field-block.ts';
import { readLength } from '../http1/fields.ts';
import { type Inbound, inbound, sift } from '../inbound.ts';
import { joinCookies, splitPseudo } from './headers.ts';

/** What HTTP/1.1 could misread. nghttp2 refuses most of it; the guest's parser is not trusted to. */
const safeValue = /^[\t\x20-\x7e\x80-\xff]*$/;
const safeName = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
const safeTarget = /^(?:\/[\x21-\x22\x24-\x7e\x80-\xff]*|\*)$/;
const safeMethod = /^[!#$%&'*+\-.^_`|~\w]{1,32}$/;
const authorityForm = /^[\w.\-[\]:]{1,255}$/;

/** @returns undefined when the request cannot be passed on safely. */
export function readHttp2Request(raw: readonly string[], endStream: boolean): Inbound | undefined {
  const { pseudo, fields } = splitPseudo(raw);
  const method = pseudo.get(':method') ?? '';
  const target = pseudo.get(':path') ?? '';
  if (!safeMethod.test(method) || !safeTarget.test(target)) return undefined;
  for (let at = 0; at < fields.length; at += 2) {
    if (!safeName.test(fields[at]!) || !safeValue.test(fields[at + 1]!)) return undefined;
  }
  const found = sift(joinCookies(fields));
  const authority = pseudo.get(':authority') ?? found.host;
  if (!authorityForm.test(authority) || found.hosts > 1) return undefined;
  if (found.hosts === 0) found.fields = new FieldBlock(['host', authority, ...found.fields.list]);
  else if (found.host.toLowerCase() !== authority.toLowerCase()) return undefined;
  let length: Inbound['length'] = endStream ? undefined : 'unknown';
  if (found.contentLength !== undefined) {
    const announced = readLength(found.contentLength);
    if (announced === undefined || (endStream && announced !== 0)) return undefined;
    length = announced;
  } else if (endStream && (method === 'POST' || method === 'PUT' || method === 'PATCH')) {
    length = 0;
  }
  return inbound(found, { method, target, authority, length, upgrade: false });
}
