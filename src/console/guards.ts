import { isIP } from 'node:net';
import type { Answer } from '../aws/http/answer.ts';
import type { Incoming } from '../aws/http/incoming.ts';

/** Header that every call of the page carries; a page of another origin cannot set it. */
export const CSRF_HEADER = 'x-squib-console';
export const COOKIE = 'squib-console';

/**
 * Whether the `Host` header is a name of this squib's. Names that others can point at this machine (DNS rebinding) are
 * not; addresses cannot be pointed anywhere else.
 */
export function isOwnHost(host: string, ownName: string): boolean {
  const name = host.replace(/:\d+$/, '').toLowerCase();
  if (name === 'localhost' || (ownName !== '' && name === ownName.toLowerCase())) return true;
  return isIP(name.replace(/^\[(.*)\]$/, '$1')) !== 0;
}

/** Whether a request was sent by a page of this very origin: scheme aside, that is what `Host` says. */
export function isSameOrigin(
  incoming: Pick<Incoming, 'header'>,
  { required }: { required: boolean },
): boolean {
  const site = incoming.header('sec-fetch-site');
  if (site !== undefined && site !== 'same-origin' && site !== 'none') return false;
  const origin = incoming.header('origin');
  // Browsers leave it out of a page's own GETs.
  if (origin === undefined) return !required;
  const host = incoming.header('host') ?? '';
  return origin === `http://${host}` || origin === `https://${host}`;
}

/** The session's cookie; empty when there is none. */
export function sessionCookie(incoming: Pick<Incoming, 'header'>): string {
  for (const pair of (incoming.header('cookie') ?? '').split(';')) {
    const at = pair.indexOf('=');
    if (pair.slice(0, at).trim() === COOKIE) return pair.slice(at + 1).trim();
  }
  return '';
}

const OF_BROWSER = /^(?:cookie|origin|referer|sec-.*)$/;

/**
 * The request without what belongs to the browser and the console alone: a service may pass headers on, as S3 does to
 * one outside of squib.
 */
export function withoutSecrets(incoming: Incoming): Incoming {
  const hidden = (name: string) => name === CSRF_HEADER || OF_BROWSER.test(name);
  return {
    ...incoming,
    header: (name) => (hidden(name) ? undefined : incoming.header(name)),
    headerNames: [...incoming.headerNames].filter((name) => !hidden(name)),
  };
}

/** @param seconds how long it lasts; 0 removes it @param secure the page came over TLS */
export function setCookie(value: string, seconds: number, secure: boolean): string {
  const flags = `Path=/console; Max-Age=${seconds}; HttpOnly; SameSite=Strict${secure ? '; Secure' : ''}`;
  return `${COOKIE}=${value}; ${flags}`;
}

/** On everything below `/console`. Nothing comes from elsewhere, nothing is inline, nobody may frame it. */
const HEADERS = {
  'content-security-policy': [
    "default-src 'none'",
    ...[
      "script-src 'self'",
      "style-src 'self'",
      "img-src 'self' data:",
      "font-src 'self'",
      "connect-src 'self'",
    ],
    ...["base-uri 'none'", "form-action 'none'", "frame-ancestors 'none'"],
  ].join('; '),
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
  'referrer-policy': 'no-referrer',
  'cross-origin-opener-policy': 'same-origin',
  'cross-origin-resource-policy': 'same-origin',
  'cache-control': 'no-store',
};

/** The answer with the headers that protect the page. */
export function protect(answer: Answer): Answer {
  const { 'cache-control': cache = HEADERS['cache-control'] } = answer.headers ?? {};
  return { ...answer, headers: { ...answer.headers, ...HEADERS, 'cache-control': cache } };
}
