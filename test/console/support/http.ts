// The console's side of HTTP without a browser, so that everything a browser would set can be left out or forged.
import { type IncomingHttpHeaders, request } from 'node:http';
import type { TestSquib } from '../../support/squib.ts';
import { consoleLink, origin } from './browser.ts';

export interface RawAnswer {
  status: number;
  headers: IncomingHttpHeaders;
  body: string;
}

export function ask(
  squib: TestSquib,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body = '',
): Promise<RawAnswer> {
  const { port } = squib.config.api;
  return new Promise((resolve, reject) => {
    const call = request({ host: '127.0.0.1', port, method, path, agent: false, headers }, (answer) => {
      let text = '';
      answer.on('data', (chunk) => {
        text += chunk;
      });
      answer.on('end', () =>
        resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: text }),
      );
    });
    call.on('upgrade', (answer, socket) => {
      socket.destroy();
      resolve({ status: answer.statusCode ?? 0, headers: answer.headers, body: '' });
    });
    call.on('error', reject);
    call.end(body);
  });
}

/** Headers of a page of this console. */
export const ownPage = (squib: TestSquib): Record<string, string> => ({
  host: new URL(origin(squib)).host,
  origin: origin(squib),
});

/** Uses a link. */
export function useLink(
  squib: TestSquib,
  link: string,
  headers: Record<string, string> = {},
): Promise<RawAnswer> {
  const token = /#sign-in=(.*)$/.exec(link)?.[1];
  const all = {
    ...ownPage(squib),
    'x-squib-console': 'sign-in',
    'content-type': 'application/json',
    ...headers,
  };
  return ask(squib, 'POST', '/console/session', all, JSON.stringify({ token }));
}

/** Headers of a page that is signed in. */
export async function signIn(squib: TestSquib, link?: string): Promise<Record<string, string>> {
  const { headers, body } = await useLink(squib, link ?? (await consoleLink(squib)));
  const cookie = headers['set-cookie']?.[0]?.split(';')[0] ?? '';
  return { ...ownPage(squib), cookie, 'x-squib-console': JSON.parse(body).csrfToken };
}
