import { hash, randomBytes } from 'node:crypto';
import type { TokenGrant } from '../control/tokens.ts';
import type { Inbound } from './inbound.ts';
import { type Refusal, refusals } from './refusals.ts';
import type { Tokens } from './tokens.ts';

/** Below this path an endpoint takes links; only from clients without a token, so applications lose nothing. */
export const linkPrefix = '/_squib/open/';

/** From the making of a link until it must have been opened. */
const linkMs = 60_000;
/** Links that may wait to be opened; beyond it the oldest go. */
const most = 1000;

/**
 * The cookie that stands for a token in browsers. The prefix makes them keep it to this very host, and no other host
 * (the endpoint of another MicroVM, say) can set it.
 */
export const browserCookie = '__Host-squib';

interface Waiting {
  grant: TokenGrant;
  path: string;
  /** Epoch milliseconds. */
  openBy: number;
}

/** Links that let a browser open the application of one MicroVM: each works once, within a minute. */
export class BrowserLinks {
  readonly #tokens: Pick<Tokens, 'issue'>;
  readonly #now: () => number;
  /** By the digest of their secret, oldest first: looking one up tells nothing about the others. */
  readonly #waiting = new Map<string, Waiting>();

  constructor(tokens: Pick<Tokens, 'issue'>, now: () => number = Date.now) {
    this.#tokens = tokens;
    this.#now = now;
  }

  /**
   * @param grant what the browser may do; of the kind `browser`, with one port
   * @param path where it is sent to, with query
   * @returns the link's path on the endpoint, and until when it works (epoch milliseconds)
   */
  make(grant: TokenGrant, path: string): { path: string; openBy: number } {
    const now = this.#now();
    for (const [digest, { openBy }] of this.#waiting) {
      if (openBy > now && this.#waiting.size < most) break;
      this.#waiting.delete(digest);
    }
    const secret = randomBytes(32).toString('base64url');
    const openBy = now + linkMs;
    this.#waiting.set(hash('sha256', secret), { grant, path, openBy });
    return { path: linkPrefix + secret, openBy };
  }

  /** The answer to a browser that opens a link on the endpoint of `microvmId` (undefined where there is none). */
  async open(request: Inbound, microvmId: string | undefined): Promise<Refusal> {
    // Link previews and browsers that guess must not use it up.
    const early = /^Sec-Purpose$|^Purpose$/i;
    if (
      request.method !== 'GET' ||
      request.fields.list.some((text, at) => at % 2 === 0 && early.test(text))
    ) {
      return refusals.linkUnusable;
    }
    const digest = hash('sha256', request.target.slice(linkPrefix.length));
    const waiting = this.#waiting.get(digest);
    if (!waiting || waiting.openBy <= this.#now() || waiting.grant.microvmId !== microvmId) {
      return refusals.linkUnusable;
    }
    this.#waiting.delete(digest);
    const { grant, path } = waiting;
    const token = await this.#tokens.issue(grant);
    const age = Math.max(0, Math.floor((grant.expiresAt - this.#now()) / 1000));
    const cookie = `${browserCookie}=${token}; Path=/; Max-Age=${age}; Secure; HttpOnly; SameSite=Lax`;
    const fields = ['location', path, 'set-cookie', cookie, 'referrer-policy', 'no-referrer'];
    return { status: 303, body: '', fields };
  }
}

/** Takes squib's cookie out of a Cookie field: no application sees it. */
export function takeBrowserCookie(value: string): { token: string | undefined; rest: string } {
  let token: string | undefined;
  const rest = value
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => {
      if (!pair.startsWith(`${browserCookie}=`)) return pair !== '';
      token ??= pair.slice(browserCookie.length + 1);
      return false;
    });
  return { token, rest: rest.join('; ') };
}

/**
 * True if a request that a browser's cookie speaks for was made by a page of the same endpoint, or by the user.
 * Endpoints of other MicroVMs are the same *site*, so SameSite alone does not keep their pages out; what browsers say
 * of a request's origin does. Whoever says nothing of it is not let in.
 */
export function fromSameOrigin(request: Inbound): boolean {
  const { list } = request.fields;
  const said = (name: string) => {
    for (let at = 0; at < list.length; at += 2) {
      if (list[at]!.toLowerCase() === name) return list[at + 1]!;
    }
    return undefined;
  };
  const origin = said('origin');
  if (origin !== undefined && origin.toLowerCase() !== `https://${request.authority.toLowerCase()}`)
    return false;
  const site = said('sec-fetch-site');
  if (site === 'same-origin' || site === 'none') return true;
  if (site === undefined) return origin !== undefined;
  // A link on another page may be followed, as long as it only reads and fills a whole tab.
  const dest = said('sec-fetch-dest');
  return request.method === 'GET' && said('sec-fetch-mode') === 'navigate' && dest === 'document';
}
