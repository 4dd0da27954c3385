import assert from 'node:assert/strict';
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { zip } from '../support/images.ts';
import { get, mint, send, until } from '../support/microvms.ts';
import { TestSquib } from '../support/squib.ts';
import { seriousFindings } from './support/axe.ts';
import { drop, openConsole, origin, problemsOf, startBrowser } from './support/browser.ts';

describe('from a folder to a MicroVM that sleeps and wakes, in the browser', () => {
  let squib: TestSquib;
  let browser: Browser;
  let page: Page;
  let problems: string[];
  let folder: string;
  let id: string;

  before(async () => {
    [squib, browser] = await Promise.all([TestSquib.start(), startBrowser()]);
    folder = mkdtempSync(join(tmpdir(), 'squib-drop-'));
    cpSync(new URL('../support/probe-app', import.meta.url), join(folder, 'probe'), { recursive: true });
    page = await openConsole(browser, squib);
    problems = problemsOf(page);
  });
  after(async () => {
    await browser?.close();
    await squib?.remove();
    if (folder) rmSync(folder, { recursive: true, force: true });
  });

  const go = (path: string) => page.goto(`${origin(squib)}/console${path}`);
  const state = (value: string) => page.locator('.page-title .state', { hasText: value }).waitFor();
  const tab = (name: string) => page.locator('.tabs').getByRole('link', { name }).click();
  const timeline = () => page.getByRole('region', { name: 'Timeline' });
  const button = (name: string) => page.getByRole('button', { name, exact: true });

  test('a folder that is dropped on the page becomes an image; its build log grows before one’s eyes', async () => {
    await page.getByRole('link', { name: 'Create image' }).first().click();
    assert.equal(await button('Create image').isDisabled(), true);
    await drop(page, '.drop', join(folder, 'probe'));
    await page.getByText('2 files').waitFor();
    assert.equal(await page.getByLabel('Name', { exact: true }).inputValue(), 'probe');
    await page.getByLabel('Memory').selectOption('512');
    for (const hook of ['ready', 'run', 'suspend', 'resume', 'terminate']) {
      await page.getByLabel(new RegExp(`^/${hook}`)).check();
    }
    await button('Add a variable').click();
    await page.getByLabel('Name of variable 1').fill('GREETING');
    await page.getByLabel('Value of variable 1').fill('hello');
    await button('Create image').click();
    await page.getByRole('heading', { level: 1, name: 'probe 1.0' }).waitFor();
    const log = page.getByRole('log');
    await log
      .getByText(/\[1\/\d\] FROM/)
      .first()
      .waitFor();
    await state('successful');
    const size = page.locator('.facts div', { hasText: 'Memory snapshot' }).locator('dd');
    await size.getByText(/\d (K|M|G)iB/).waitFor();
    assert.deepEqual(await seriousFindings(page), []);
  });

  test('it is run from there, with a payload for its hook', async () => {
    await page.getByRole('link', { name: 'Run', exact: true }).click();
    await page.getByLabel('Run hook payload').fill('{"tenant":"t-17"}');
    await button('Run').click();
    await page.getByRole('heading', { level: 1, name: /^microvm-/ }).waitFor();
    id = (await page.getByRole('heading', { level: 1 }).textContent()) ?? '';
    await state('running');
    await timeline().getByText('The snapshot was restored and the run hook answered.').waitFor();
    await page
      .locator('.chart', { hasText: 'Memory' })
      .getByText(/\d MiB/)
      .first()
      .waitFor();
    assert.deepEqual(await seriousFindings(page), []);
  });

  test('a terminal in the page: what is typed is run in the MicroVM', async () => {
    await page.getByRole('link', { name: 'Connect', exact: true }).click();
    await page.getByText('Connected').waitFor();
    await page.locator('.xterm-screen').click();
    await page.keyboard.type('echo "$GREETING $((6 * 7)) from $(echo | wc -l)"\r');
    await page.locator('.xterm-rows').getByText('hello 42 from 1').waitFor();
    await page.keyboard.type("printf '\\033[38;2;1;200;3mgreen\\033[0m'; stty size\r");
    // Looked up anew each time: the terminal may draw the row again at any moment.
    await page.waitForFunction(() =>
      [...document.querySelectorAll('.xterm-rows span')].some(
        (span) => span.textContent === 'green' && getComputedStyle(span).color === 'rgb(1, 200, 3)',
      ),
    );
    // The shell knows how large the terminal is.
    await page.waitForFunction(() => {
      const text = document.querySelector('.xterm-rows')?.textContent ?? '';
      const [, rows, columns] = /green(\d+)\s(\d+)/.exec(text) ?? [];
      return Number(rows) > 10 && Number(columns) > 60;
    });
    await page.keyboard.type('exit\r');
    await page.getByText('Closed: shell exited').waitFor();
    await button('Connect again').click();
    await page.getByText('Connected').waitFor();
    assert.deepEqual(await seriousFindings(page), []);
  });

  test('what it prints appears in its log', async () => {
    await tab('Logs');
    await page.getByRole('log').getByText('hook run').waitFor();
    const microvm = await get(squib, id);
    const token = await mint(squib, id);
    const { endpoint } = microvm;
    await send(squib, endpoint, '/print?text=seen-in-the-browser', { 'x-aws-proxy-auth': token });
    await page.getByRole('log').getByText('seen-in-the-browser').waitFor();
    await page.getByRole('searchbox').fill('in-the-browser');
    await page.waitForFunction(() => document.querySelectorAll('.log-line').length === 1);
  });

  test('a token that is made there opens the endpoint, and no other port', async () => {
    await tab('Details');
    await page.getByLabel('Auth token for ports').fill('8080');
    await button('Make a token').click();
    const command = (await page.locator('.made-token pre').textContent()) ?? '';
    const [, token = '', endpoint = ''] = /X-aws-proxy-auth: (\S+)" https:\/\/(.*)\/$/.exec(command) ?? [];
    assert.equal((await send(squib, endpoint, '/', { 'x-aws-proxy-auth': token })).status, 200);
    const other = await send(squib, endpoint, '/', { 'x-aws-proxy-auth': token, 'x-aws-proxy-port': '9' });
    assert.equal(other.status, 403);
  });

  test('the application opens in a window of its own', async () => {
    const [opened] = await Promise.all([
      page.context().waitForEvent('page'),
      button('Open in the browser').click(),
    ]);
    await opened.getByText('"count"').waitFor();
    assert.match(opened.url(), /^https:\/\/[0-9a-f-]+\.lambda-microvm\./);
    assert.equal(await opened.evaluate(() => opener), null);
    await opened.close();
  });

  test('it is suspended by a click, woken by a request from elsewhere, and the page shows both as they happen', async () => {
    await button('Suspend').click();
    await state('suspended');
    await timeline().getByText('Memory and disk were written.').waitFor();
    await button('Resume').waitFor();
    const token = await mint(squib, id);
    await send(squib, (await get(squib, id)).endpoint, '/', { 'x-aws-proxy-auth': token });
    await state('running');
    await timeline().getByText('Memory and disk were restored and the resume hook answered.').waitFor();
    await button('Suspend').click();
    await state('suspended');
    await button('Resume').click();
    await state('running');
  });

  test('a fork goes on from where it is', async () => {
    await button('Fork').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Fork' }).click();
    await page
      .getByRole('heading', { level: 1, name: /^microvm-/ })
      .filter({ hasNotText: id })
      .waitFor();
    await state('running');
    await timeline().getByText(/fork/i).first().waitFor();
  });

  test('terminating asks first, and what has ended offers nothing more', async () => {
    await button('Terminate').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Cancel' }).click();
    await button('Terminate').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Terminate' }).click();
    await state('terminated');
    assert.equal(await button('Terminate').count(), 0);
    await tab('Terminal');
    await page.getByText('nothing to connect to').waitFor();
    await go(`/microvms/${id}`);
    await button('Terminate').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Terminate' }).click();
    await until(squib, id, 'TERMINATED').catch(() => {});
    await state('terminated');
  });

  test('a zip that does not build says why: on its page, in its log and on the overview', async () => {
    await go('/images/new');
    const broken = await zip({ Dockerfile: 'FROM python:3.13-slim\nRUN echo the-reason >&2 && exit 7\n' });
    await page
      .getByLabel('Zip', { exact: true })
      .setInputFiles({ name: 'broken.zip', mimeType: 'application/zip', buffer: broken });
    await page.getByLabel('Memory').selectOption('512');
    await button('Create image').click();
    await state('failed');
    await page.getByRole('alert').getByText('The container image build failed.').waitFor();
    await page
      .getByRole('log')
      .getByText(/ERROR: process .* exit code: 7/)
      .waitFor();
    await page.getByRole('log').getByText('the-reason').first().waitFor();
    await page.getByRole('link', { name: 'Overview' }).click();
    const failures = page.getByRole('region', { name: 'Recent failures' });
    await failures.getByRole('link', { name: 'Build of broken 1.0' }).waitFor();
  });

  test('a folder without a Dockerfile is refused before anything is sent', async () => {
    await go('/images/new');
    await drop(page, '.drop', folder);
    await page.getByText('There is no Dockerfile at the top').waitFor();
    assert.equal(await button('Create image').isDisabled(), true);
  });

  test('a version is deactivated and activated, a new one begins with the settings of the last, an image is deleted', async () => {
    await go('/images/probe/1.0');
    await button('Deactivate').click();
    await button('Activate').click();
    await button('Deactivate').waitFor();
    await page.getByRole('link', { name: 'New version' }).click();
    assert.equal(await page.getByLabel('Value of variable 1').inputValue(), 'hello');
    assert.equal(await page.getByLabel('Memory').inputValue(), '512');
    assert.equal(await page.getByLabel(/^\/ready/).isChecked(), true);
    await go('/images/broken');
    await button('Delete').click();
    await page.getByRole('dialog').getByRole('button', { name: 'Delete' }).click();
    await page.getByRole('heading', { level: 1, name: 'Images' }).waitFor();
    await page.getByRole('link', { name: 'broken', exact: true }).waitFor({ state: 'detached' });
    assert.deepEqual(problems, []);
  });
});
