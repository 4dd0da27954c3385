// Folders in the shape of AWS's published patterns, run as they are with the real AWS CLI against an empty squib.
import assert from 'node:assert/strict';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { aws, runProgram } from '../support/aws-cli.ts';
import { TestSquib } from '../support/squib.ts';

const folder = (name: string) => fileURLToPath(new URL(`./${name}/`, import.meta.url));
let squib: TestSquib;

/** Runs a script of a pattern; throws what it wrote when it fails. */
async function script(pattern: string, name: string, env: NodeJS.ProcessEnv = {}): Promise<string> {
  const { stdout, stderr, code } = await runProgram(squib, 'bash', [join(folder(pattern), name)], { env });
  assert.equal(code, 0, `${name}: ${stdout}${stderr}\n${squib.log.slice(-2000)}`);
  return stdout;
}

before(async () => {
  squib = await TestSquib.start();
});
after(() => squib.remove());

// The CLI's waiters sleep for half a minute at a time: another pattern runs meanwhile.
describe('patterns', { concurrency: 2 }, () => {
  describe('code execution', { concurrency: 1 }, () => {
    test('deploy.sh and call.sh: from nothing to the answer of the app', async () => {
      const outputs = await script('code-execution', 'deploy.sh');
      assert.match(outputs, /ImageVersion\s+1\.0/);
      const [state, result] = (await script('code-execution', 'call.sh')).trim().split('\n');
      assert.deepEqual(JSON.parse(state ?? ''), {
        ...{ release: 'one', greeting: 'hello from code-execution', payload: '{"visitor":"ann"}' },
      });
      assert.deepEqual(JSON.parse(result ?? ''), { output: '42\n' });
    });

    test('the build log lies in the group of the template', async () => {
      const args = ['logs', 'filter-log-events', '--log-group-name', '/aws/lambda-microvms/code-execution'];
      const { events } = await aws(squib, args);
      const text = events.map(({ message }: { message: string }) => message).join('\n');
      assert.match(text, /release one listens/);
    });

    test('deploy.sh with a new release updates the stack to a new version', async () => {
      const app = join(squib.config.dataDir, 'app');
      cpSync(join(folder('code-execution'), 'app'), app, { recursive: true });
      writeFileSync(join(app, 'release.txt'), 'two\n');
      assert.match(await script('code-execution', 'deploy.sh', { APP: app }), /ImageVersion\s+2\.0/);
      const [state] = (await script('code-execution', 'call.sh')).trim().split('\n');
      assert.equal(JSON.parse(state ?? '').release, 'two');
    });

    test('cleanup.sh leaves nothing', async () => {
      await script('code-execution', 'cleanup.sh');
      const named = ['--name-filter', 'code-execution'];
      const { items } = await aws(squib, ['lambda-microvms', 'list-microvm-images', ...named]);
      assert.deepEqual(items, []);
      const { Roles } = await aws(squib, ['iam', 'list-roles']);
      const left = Roles.filter(({ RoleName }: { RoleName: string }) => RoleName.startsWith('code'));
      assert.deepEqual(left, []);
    });
  });

  describe('from zip', { concurrency: 1 }, () => {
    test('deploy.sh: roles by the CLI, an image straight from a zip, its build log', async () => {
      const output = await script('from-zip', 'deploy.sh', { NAME: 'from-zip' });
      assert.match(output, /release one listens/);
      assert.match(output, /microvm-image:from-zip\n$/);
    });

    test('a build role that may not read the artifact fails the build in words', async () => {
      const env = { NAME: 'unreadable', READABLE: 'other/*' };
      const deploy = join(folder('from-zip'), 'deploy.sh');
      const { code, stderr } = await runProgram(squib, 'bash', [deploy], { env });
      assert.equal(code, 1);
      assert.match(
        stderr,
        /S3_ACCESS_DENIED: The build role arn:aws:iam::0+:role\/unreadable-build is not allowed/,
      );
    });
  });
});
