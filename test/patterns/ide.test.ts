// VS Code for the browser in a MicroVM: a local proxy adds the token, a headless Chromium looks at it.
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Browser } from 'playwright-core';
import { startBrowser } from '../console/support/browser.ts';
import { aws } from '../support/aws-cli.ts';
import { freePort } from '../support/free-port.ts';
import { TestSquib } from '../support/squib.ts';
import { script, startScript } from './support.ts';

let squib: TestSquib;
let browser: Browser | undefined;
let proxy: ReturnType<typeof startScript> | undefined;
/** Under emulation the IDE takes its time; what is waited for are events. */
const timeout = 300_000;

before(async () => {
  squib = await TestSquib.start();
});
after(async () => {
  proxy?.kill();
  await browser?.close();
  await squib.remove();
});

test('deploy.sh, connect.sh, and a browser: a file of the project is opened, changed and saved', async () => {
  assert.match(await script(squib, 'ide/deploy.sh'), /:microvm-image:ide\n$/);
  const port = await freePort();
  proxy = startScript(squib, 'ide/connect.sh', [], { PROXY_PORT: String(port), PYTHONUNBUFFERED: '1' });
  const [, id = ''] = (await proxy.line(/^microvm /)).split(' ');
  await proxy.line(/^listening/);

  browser = await startBrowser();
  const page = await browser.newPage({ viewport: { width: 1200, height: 800 } });
  page.setDefaultTimeout(timeout);
  await page.goto(`http://127.0.0.1:${port}/?folder=/srv/project`, { timeout });
  await page.locator('.explorer-viewlet').getByText('welcome.md').dblclick();
  const editor = page.locator('.monaco-editor .view-lines').first();
  await editor.getByText('A project in a MicroVM').click();
  // Keys that come before the editor has the focus go nowhere.
  await page.locator('.monaco-editor.focused').first().waitFor();
  await page.keyboard.press('Control+End');
  await page.keyboard.type('written in a browser');
  await editor.getByText('written in a browser').waitFor();
  await page.keyboard.press('Control+S');
  assert.match(await proxy.line(/^websocket /), /^websocket lambda-microvms$/);

  // What is on the disk of the MicroVM a moment later; the editor does not say when it has saved.
  const saved = `http://127.0.0.1:${port}/vscode-remote-resource?path=/srv/project/welcome.md`;
  const end = Date.now() + timeout;
  while (!(await (await fetch(saved)).text()).includes('written in a browser')) {
    assert.ok(Date.now() < end, 'what was typed is not on the disk');
    await sleep(500);
  }
  await page.close();
  const { items } = await aws(squib, ['lambda-microvms', 'list-microvms']);
  assert.deepEqual(
    items.map((each: { microvmId: string }) => each.microvmId),
    [id],
  );
});

test('cleanup.sh leaves nothing', async () => {
  await script(squib, 'ide/cleanup.sh');
  assert.deepEqual((await aws(squib, ['lambda-microvms', 'list-microvm-images'])).items, []);
});
