import { ApiError, toApiError } from './api-error.ts';

/** Who is signed in. */
export interface Session {
  arn: string;
  accountId: string;
  region: string;
  /** ISO 8601. */
  expiresAt: string;
}

const KEY = 'squib-console-csrf';
const URL = '/console/session';
export const CSRF_HEADER = 'x-squib-console';

/**
 * The half of the session that the page holds. It is kept by origin, port included, while cookies of one host are shared
 * among its ports: neither half is of use without the other.
 */
export function csrfToken(): string {
  return localStorage.getItem(KEY) ?? '';
}

/**
 * Uses the link that brought the browser here, if one did, and tells who is signed in.
 * @throws ApiError for a link that is not valid
 */
export async function startSession(): Promise<Session | undefined> {
  const token = /^#sign-in=([\w-]+)$/.exec(location.hash)?.[1];
  if (token !== undefined) {
    history.replaceState(null, '', location.pathname);
    const body = JSON.stringify({ token });
    const response = await send('POST', { 'content-type': 'application/json' }, body);
    if (!response.ok) throw await toApiError(response);
    const { csrfToken: csrf, ...session } = (await response.json()) as Session & { csrfToken: string };
    localStorage.setItem(KEY, csrf);
    return session;
  }
  if (csrfToken() === '') return undefined;
  const response = await send('GET');
  if (response.status === 401) return undefined;
  if (!response.ok) throw await toApiError(response);
  return (await response.json()) as Session;
}

export async function endSession(): Promise<void> {
  await send('DELETE').catch(() => undefined);
  localStorage.removeItem(KEY);
}

function send(method: string, headers: Record<string, string> = {}, body?: string): Promise<Response> {
  const init = { method, headers: { [CSRF_HEADER]: csrfToken() || 'sign-in', ...headers } };
  return fetch(URL, body === undefined ? init : { ...init, body }).catch(() => {
    throw ApiError.unreachable();
  });
}
