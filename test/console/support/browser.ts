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

/** A page that is signed in, on the overview. */
export async function openConsole(browser: Browser, squib: TestSquib, as?: Credential): Promise<Page> {
  const context = await browser.newContext({
    ...{ viewport: { width: 1280, height: 800 }, ignoreHTTPSErrors: true, reducedMotion: 'reduce' },
    permissions: ['clipboard-read', 'clipboard-write'],
  });
  const page = await context.newPage();
  // A build may take its time on a busy machine.
  page.setDefaultTimeout(240_000);
  await page.goto(await consoleLink(squib, as));
  await page.getByRole('heading', { level: 1, name: 'Overview' }).waitFor();
  return page;
}

/** Drops files or folders of this machine on the middle of an element, as a hand would. */
export async function drop(page: Page, selector: string, ...files: string[]): Promise<void> {
  const box = await page.locator(selector).boundingBox();
  if (!box) throw new Error(`${selector} is not to be seen`);
  const [x, y] = [box.x + box.width / 2, box.y + box.height / 2];
  const session = await page.context().newCDPSession(page);
  const data = { items: [], files, dragOperationsMask: 1 };
  for (const type of ['dragEnter', 'dragOver', 'drop'] as const) {
    await session.send('Input.dispatchDragEvent', { type, x, y, data });
  }
  await session.detach();
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
