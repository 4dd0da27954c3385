import assert from 'node:assert/strict';
import { after, before, describe, test } from 'node:test';
import type { Browser, Page } from 'playwright-core';
import { TestSquib } from '../support/squib.ts';
import { seriousFindings } from './support/axe.ts';
import { consoleLink, openConsole, origin, problemsOf, startBrowser } from './support/browser.ts';
import { seedMicrovms } from './support/seed.ts';

const many = 1000;

describe('the pages of the console, with a thousand MicroVMs', () => {
  let squib: TestSquib;
  let browser: Browser;
  let page: Page;
  let problems: string[];
  let ids: string[];

  before(async () => {
    [squib, browser] = await Promise.all([TestSquib.start(), startBrowser()]);
    ids = seedMicrovms(squib, many);
    page = await openConsole(browser, squib);
    problems = problemsOf(page);
  });
  after(async () => {
    await browser?.close();
    await squib?.remove();
  });

  const go = async (path: string) => {
    await page.goto(`${origin(squib)}/console${path}`);
    await page.getByRole('heading', { level: 1 }).waitFor();
  };
  const rows = () => page.locator('tbody tr');
  const dialog = () => page.getByRole('dialog');
  const said = (text: string | RegExp) => page.getByRole('status').getByText(text).waitFor();

  test('every page is without serious findings of axe, light and dark, wide and narrow, and does not overflow', async () => {
    const own = `/microvms/${ids.at(-1)}`;
    const paths = ['/', '/microvms', own, `${own}/logs`, '/microvms/run', '/images', '/images/new'];
    for (const path of [...paths, '/connectors', '/roles', '/credentials', '/audit', '/settings', '/none']) {
      await go(path);
      await page.locator('.loading').first().waitFor({ state: 'detached' });
      for (const [colorScheme, width] of [
        ['light', 1280],
        ['dark', 390],
      ] as const) {
        await page.emulateMedia({ colorScheme, reducedMotion: 'reduce' });
        await page.setViewportSize({ width, height: 800 });
        assert.deepEqual(await seriousFindings(page), [], `${path} ${colorScheme}`);
        const over = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
        assert.ok(over <= 0, `${path} is ${over} pixels wider than the window of ${width}`);
      }
    }
    await page.emulateMedia({ colorScheme: 'light', reducedMotion: 'reduce' });
    await page.setViewportSize({ width: 1280, height: 800 });
    assert.deepEqual(problems, []);
  });

  test('the list of MicroVMs asks once, draws a page of them, and filters as one types', async () => {
    let asked = 0;
    page.on('request', (request) => {
      if (request.url().includes('/_squib/v1/microvms')) asked++;
    });
    await go('/microvms');
    await rows().first().waitFor();
    assert.equal(await rows().count(), 100);
    assert.equal(asked, 1);
    const group = (name: string) => page.getByRole('button', { name: new RegExp(`^${name} `) });
    assert.equal(await group('Running').textContent(), 'Running 300');
    assert.equal(await group('Suspended').textContent(), 'Suspended 600');
    await page.getByRole('searchbox').fill('notebook 3.0');
    await group('All')
      .getByText(String(Math.ceil(many / 12)))
      .waitFor();
    await page.getByRole('searchbox').fill(ids[517] ?? '');
    await page.waitForFunction(() => document.querySelectorAll('tbody tr').length === 1);
    await page.getByRole('searchbox').fill('no such thing');
    await page.getByRole('button', { name: 'Show all' }).click();
    await page.getByRole('button', { name: 'Next' }).click();
    await page.getByText('Page 2 of').waitFor();
  });

  test('a column sorts by its head', async () => {
    await go('/microvms');
    const head = page.getByRole('columnheader', { name: 'Started' });
    await head.getByRole('button').click();
    assert.equal(await head.getAttribute('aria-sort'), 'ascending');
    await rows()
      .first()
      .getByTitle(ids[0] ?? '')
      .waitFor();
    await head.getByRole('button').click();
    assert.equal(await head.getAttribute('aria-sort'), 'descending');
    await rows()
      .first()
      .getByTitle(ids.at(-1) ?? '')
      .waitFor();
  });

  test('an id is copied whole, a time is absolute on hover', async () => {
    await go('/microvms');
    const row = rows().first();
    await row.getByRole('button', { name: /^Copy / }).click();
    const copied = await page.evaluate(() => navigator.clipboard.readText());
    assert.ok(ids.includes(copied), copied);
    assert.match((await row.locator('time').first().getAttribute('title')) ?? '', /20\d\d/);
  });

  test('the overview shows capacity and what failed, with its reason', async () => {
    await go('/');
    await page.getByRole('link', { name: '300 Running' }).waitFor();
    const failures = page.getByRole('region', { name: 'Recent failures' });
    await failures.getByText('Container Stopped with Exit Code: 137').first().waitFor();
    assert.equal(await failures.getByText('Success.').count(), 0);
    await page.getByRole('meter', { name: 'Memory', exact: true }).waitFor();
    await page.getByText('QEMU with').waitFor();
    await page.getByRole('link', { name: '300 Running' }).click();
    await page.getByRole('button', { name: /^Running/, pressed: true }).waitFor();
  });

  test('everything can be reached by keyboard, and the contents at once', async () => {
    await go('/');
    await page.keyboard.press('Tab');
    await page.keyboard.press('Enter');
    assert.equal(await page.evaluate(() => document.activeElement?.id), 'main');
    await go('/roles');
    const create = page.getByRole('button', { name: 'Create role' }).first();
    await create.focus();
    await page.keyboard.press('Enter');
    await dialog().waitFor();
    assert.equal(await page.evaluate(() => document.activeElement?.closest('dialog') !== null), true);
    await page.keyboard.press('Escape');
    await dialog().waitFor({ state: 'detached' });
    assert.equal(await create.evaluate((element) => document.activeElement === element), true);
  });

  test('light, dark or as the system: the choice stays', async () => {
    await go('/');
    const scheme = () => page.evaluate(() => getComputedStyle(document.documentElement).colorScheme);
    await page.getByRole('button', { name: 'Dark' }).click();
    assert.equal(await scheme(), 'dark');
    await page.reload();
    await page.getByRole('button', { name: 'Dark', pressed: true }).waitFor();
    assert.equal(await scheme(), 'dark');
    await page.getByRole('button', { name: 'As the system' }).click();
    assert.equal(await scheme(), 'light dark');
  });

  test('a role is made, looked at and deleted', async () => {
    await go('/roles');
    await page.getByRole('button', { name: 'Create role' }).first().click();
    await dialog().getByLabel('Name').fill('agents');
    const policy = dialog().getByLabel('Policy');
    await policy.fill('{');
    await dialog().getByRole('button', { name: 'Create' }).click();
    assert.match(
      await policy.evaluate((element: HTMLTextAreaElement) => element.validationMessage),
      /not JSON/,
    );
    const allowed = { Effect: 'Allow', Action: 's3:GetObject', Resource: 'arn:aws:s3:::things/*' };
    await policy.fill(JSON.stringify({ Version: '2012-10-17', Statement: [allowed] }));
    await dialog().getByRole('button', { name: 'Create' }).click();
    await page.getByRole('button', { name: 'agents' }).click();
    await dialog().getByText('arn:aws:s3:::things/*').waitFor();
    await dialog().getByText('lambda.amazonaws.com').waitFor();
    await dialog().getByRole('button', { name: 'Delete' }).click();
    await dialog().getByRole('button', { name: 'Delete' }).click();
    await page.getByText('There is no role').waitFor();
  });

  test('a connector is made and deleted, and what is wrong with one is said', async () => {
    await go('/connectors');
    await page.getByRole('button', { name: 'Create connector' }).first().click();
    await dialog().getByLabel('Name').fill('office');
    await dialog().getByLabel('Subnets').fill('not a subnet');
    await dialog().getByLabel('Security groups').fill('sg-0123456789abcdef0');
    await dialog().getByRole('button', { name: 'Create' }).click();
    await dialog().getByRole('alert').waitFor();
    await dialog().getByLabel('Subnets').fill('subnet-0123456789abcdef0');
    await dialog().getByRole('button', { name: 'Create' }).click();
    await rows().getByText('office').first().waitFor();
    await page.getByRole('button', { name: 'Delete office' }).click();
    await dialog().getByRole('button', { name: 'Delete' }).click();
    await page.getByText('No connector of your own').waitFor();
  });

  test('a credential is made, its secret shown once, and a session of it sees what it may', async () => {
    await go('/credentials');
    await page.getByRole('button', { name: 'Create credential' }).first().click();
    await dialog().getByLabel('User name').fill('viewer');
    const may = {
      Effect: 'Allow',
      Action: ['squib:CreateConsoleLink', 'squib:ListMicrovmDetails'],
      Resource: '*',
    };
    await dialog()
      .getByLabel('Policy')
      .fill(JSON.stringify({ Version: '2012-10-17', Statement: [may] }));
    await dialog().getByRole('button', { name: 'Create' }).click();
    await dialog().getByText('shown now and never again').waitFor();
    const [accessKeyId = '', secretAccessKey = ''] = await dialog().locator('code').allInnerTexts();
    await dialog().getByRole('button', { name: 'Done' }).click();
    await rows().getByText(accessKeyId).waitFor();

    const theirs = await openConsole(browser, squib, { accessKeyId, secretAccessKey });
    await theirs.getByText('viewer', { exact: true }).waitFor();
    await theirs.getByRole('link', { name: '300 Running' }).waitFor();
    await theirs.getByRole('link', { name: 'Images', exact: true }).first().click();
    await theirs.getByText(/not authorized to perform: lambda:ListMicrovmImages/).waitFor();
    await theirs.getByText('lacks this permission').waitFor();

    await page.getByRole('button', { name: 'viewer' }).click();
    await dialog().getByRole('button', { name: 'Disable' }).click();
    await said(/viewer was changed/);
    await theirs.getByRole('link', { name: 'MicroVMs', exact: true }).first().click();
    await theirs.getByRole('heading', { name: 'Your session has ended' }).waitFor();
    await theirs.context().close();

    await page.getByRole('button', { name: 'viewer' }).click();
    await dialog().getByRole('button', { name: 'Delete' }).click();
    await dialog().getByRole('button', { name: 'Delete' }).click();
    await page.getByText('Only the root has a key').waitFor();
  });

  test('the audit log shows who did what, finds a text in any record, and shows the whole record', async () => {
    await go('/audit');
    await rows().getByText('CreateRole').waitFor();
    assert.equal(await rows().getByText('ListMicrovmDetails').count(), 0);
    await page.getByLabel('Calls that only read').check();
    await rows().getByText('ListMicrovmDetails').first().waitFor();
    await page.getByRole('searchbox').fill('NOT, A, SUBNET');
    await rows().getByText('ValidationException').first().waitFor();
    await page.getByRole('button', { name: 'CreateNetworkConnector' }).first().click();
    await dialog().getByText('"sessionCredentialFromConsole": "true"').waitFor();
    await page.keyboard.press('Escape');
  });

  test('settings are shown with what holds', async () => {
    await go('/settings');
    await page.getByRole('searchbox').fill('quotas.memoryMiB');
    await rows().getByText(String(squib.config.quotas.memoryMiB)).waitFor();
    await page.getByRole('searchbox').fill('dataDir');
    await rows().getByText(squib.config.dataDir).waitFor();
  });

  test('when squib goes away the page says so, and after it is back how to sign in again', async () => {
    await go('/settings');
    await rows().first().waitFor();
    await squib.down('SIGTERM');
    await page.getByText('squib does not answer').waitFor();
    await squib.up();
    await page.getByRole('heading', { name: 'Your session has ended' }).waitFor();
    await page.goto(await consoleLink(squib));
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
  });

  test('signing out leaves nothing behind', async () => {
    await page.getByRole('button', { name: 'Sign out' }).click();
    await page.getByRole('heading', { name: 'Sign in' }).waitFor();
    assert.deepEqual(await page.context().cookies(), []);
    assert.equal(await page.evaluate(() => localStorage.length), 0);
    const used = await consoleLink(squib);
    await page.goto(used);
    await page.getByRole('heading', { name: 'Overview' }).waitFor();
    assert.equal(new URL(page.url()).hash, '', 'the token stays in the address');
    const other = await (await browser.newContext()).newPage();
    await other.goto(used);
    await other.getByText('This sign-in link was used before').waitFor();
    assert.deepEqual(await seriousFindings(other), []);
  });
});
