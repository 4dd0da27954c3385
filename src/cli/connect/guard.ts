/** Header fields by lower-case name, as Node gives them. */
type Headers = NodeJS.Dict<string | string[]>;

const loopback = /^(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?$/i;

/**
 * Why a request to the local proxy is refused; undefined when it is not. Every page in the user's browser can reach a port
 * of this machine: foreign pages are turned away by their origin, foreign names for this machine (DNS rebinding) by Host.
 */
export function refusalOf(method: string, authority: string, headers: Headers): string | undefined {
  if (!loopback.test(authority)) return 'squib connect answers to localhost only.';
  const { origin } = headers;
  if (origin !== undefined) {
    const local = typeof origin === 'string' && URL.canParse(origin) && loopback.test(new URL(origin).host);
    return local ? undefined : 'squib connect takes no requests of foreign pages.';
  }
  if (headers['sec-fetch-site'] !== 'cross-site') return undefined;
  // A link on another page may be followed.
  const followed = headers['sec-fetch-mode'] === 'navigate' && headers['sec-fetch-dest'] === 'document';
  return followed && method === 'GET' ? undefined : 'squib connect takes no requests of foreign pages.';
}

/** What client and terminal are told when there is no answer. */
export const unreachable = (error: Error) => `The endpoint does not answer: ${error.message}`;
