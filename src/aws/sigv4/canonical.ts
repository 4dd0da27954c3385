import { hash } from 'node:crypto';
import type { SignableRequest, SignatureParameters } from './types.ts';

const UNRESERVED = /^[\w.~-]*$/;
/** Paths that are their own and only canonical form: nothing to encode, nothing to remove. */
const PLAIN_PATH = /^(?:\/[\w~-][\w.~-]*)*\/?$/;

/** Percent-encoding of Signature V4: everything but RFC 3986's unreserved characters. */
export function encodeStrictly(text: string): string {
  if (UNRESERVED.test(text)) return text;
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** Like `decodeURIComponent`, but what cannot be decoded stays as it is: a wrong signature is the answer then. */
function decodeLeniently(text: string): string {
  if (!text.includes('%')) return text;
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Removes `.`, `..` and empty segments, as every service but S3 does before signing. */
function normalized(path: string): string {
  if (!path.includes('//') && !path.includes('/.')) return path;
  const kept: string[] = [];
  for (const segment of path.split('/')) {
    if (segment === '..') kept.pop();
    else if (segment !== '' && segment !== '.') kept.push(segment);
  }
  return `/${kept.join('/')}${kept.length > 0 && path.endsWith('/') ? '/' : ''}`;
}

/**
 * Canonical forms of a path that a correct client may have signed. S3's paths are encoded once and signed as
 * sent; all other services' are encoded a second time.
 */
export function canonicalPaths(path: string, service: string): string[] {
  if (PLAIN_PATH.test(path)) return [path];
  if (service !== 's3') {
    return [...new Set([normalized(path), path])].map((p) => p.split('/').map(encodeStrictly).join('/'));
  }
  const reencoded = path
    .split('/')
    .map((segment) => encodeStrictly(decodeLeniently(segment)))
    .join('/');
  return reencoded === path ? [path] : [reencoded, path];
}

function byCodeUnit(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

/** The query, decoded and encoded again, sorted; a presigned URL's own signature is left out. */
export function canonicalQuery(query: string): string {
  if (query === '') return '';
  const pairs: string[][] = [];
  for (const pair of query.split('&')) {
    if (pair === '') continue;
    const at = pair.indexOf('=');
    const name = at < 0 ? pair : pair.slice(0, at);
    const value = at < 0 ? '' : pair.slice(at + 1);
    const encoded = [name, value].map((part) => encodeStrictly(decodeLeniently(part.replaceAll('+', ' '))));
    if (encoded[0] !== 'X-Amz-Signature') pairs.push(encoded);
  }
  pairs.sort((a, b) => byCodeUnit(a[0]!, b[0]!) || byCodeUnit(a[1]!, b[1]!));
  return pairs.map(([name, value]) => `${name}=${value}`).join('&');
}

/** @param path one of {@link canonicalPaths} */
export function canonicalRequest(
  request: SignableRequest,
  parameters: SignatureParameters,
  path: string,
  payloadHash: string,
): string {
  let headers = '';
  for (const name of parameters.signedHeaders) {
    const value = request.header(name) ?? '';
    // Most values have nothing to fold, and asking is cheaper than replacing.
    headers += `${name}:${/\s\s|^\s|\s$|[^\S ]/.test(value) ? value.trim().replace(/\s+/g, ' ') : value}\n`;
  }
  const signed = parameters.signedHeaders.join(';');
  return `${request.method}\n${path}\n${canonicalQuery(request.query)}\n${headers}\n${signed}\n${payloadHash}`;
}

export function stringToSign(parameters: SignatureParameters, canonical: string): string {
  return `AWS4-HMAC-SHA256\n${parameters.timestamp}\n${scopeOf(parameters)}\n${hash('sha256', canonical)}`;
}

/** `20260101/eu-west-1/s3/aws4_request` */
export function scopeOf({ date, region, service }: SignatureParameters): string {
  return `${date}/${region}/${service}/aws4_request`;
}
