// A real headless Chromium (Debian's), and a console opened in it as its users open it.
import { type Browser, chromium, type Page } from 'playwright-core';
import { callSquib } from '../../../src/cli/api/call.ts';
import { type Credential, readRootCredential } from '../../../src/daemon/credentials.ts';
import type { TestSquib } from '../../support/squib.ts';

const quiet = [
  ...['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-sync'],
  ...['--disable-background-networking', '--disable-component-update'],
];

export function startBrowser(): Promise<Browser> {
  return chromium.launch({ executablePath: '/usr/bin/chromium', args: quiet });
}

/** Where pages reach the API and the console of this squib. */
export const origin = ({ config }: TestSquib): string => `http://localhost:${config.api.port}`;

/** What `squib console` prints. */
export async function consoleLink(squib: TestSquib, as?: Credential): Promise<string> {
  const connection = {
    endpoint: origin(squib),
    region: squib.config.region,
    ...(as ?? readRootCredential(squib.layout.keys)),
  };
  const { path } = await callSquib(connection, 'CreateConsoleLink', {});
  return new URL(path, connection.endpoint).href;
}

/** Everything that a page must not have: errors, refused by its content security policy or thrown. */
export function problemsOf(page: Page): string[] {
  const problems: string[] = [];
  page.on('pageerror', (error) => problems.push(`thrown: ${error.stack}`));
  page.on('console', (message) => {
    // A refused call is told by the page itself.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      problems.push(message.text());
  });
  return problems;
}
