// Patterns from an empty squib to the answer of their application.
import assert from 'node:assert/strict';
import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { aws, runProgram } from '../support/aws-cli.ts';
import { TestSquib } from '../support/squib.ts';
import { folder, script, startScript, tryScript } from './support.ts';

let squib: TestSquib;
before(async () => {
  squib = await TestSquib.start();
});
after(() => squib.remove());

const imagesNamed = async (name: string) =>
  (await aws(squib, ['lambda-microvms', 'list-microvm-images', '--name-filter', name])).items;
const rolesOf = async (name: string) =>
  (await aws(squib, ['iam', 'list-roles'])).Roles.filter(({ RoleName }: { RoleName: string }) =>
    RoleName.startsWith(name),
  );

// A build takes a core, everything else waits: patterns overlap.
describe('patterns', { concurrency: true }, () => {
  describe('code execution', { concurrency: 1 }, () => {
    test('deploy.sh and call.sh: from nothing to the answer of the app', async () => {
      const outputs = await script(squib, 'code-execution/deploy.sh');
      assert.match(outputs, /ImageVersion\s+1\.0/);
      const [state, result] = (await script(squib, 'code-execution/call.sh')).trim().split('\n');
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
      const output = await script(squib, 'code-execution/deploy.sh', [], { APP: app });
      assert.match(output, /ImageVersion\s+2\.0/);
      const [state] = (await script(squib, 'code-execution/call.sh')).trim().split('\n');
      assert.equal(JSON.parse(state ?? '').release, 'two');
    });

    test('cleanup.sh leaves nothing', async () => {
      await script(squib, 'code-execution/cleanup.sh');
      assert.deepEqual(await imagesNamed('code-execution'), []);
      assert.deepEqual(await rolesOf('code'), []);
    });
  });

  describe('from zip', { concurrency: 1 }, () => {
    test('deploy.sh: roles by the CLI, an image straight from a zip, its build log', async () => {
      const output = await script(squib, 'from-zip/deploy.sh', [], { NAME: 'from-zip' });
      assert.match(output, /release one listens/);
      assert.match(output, /microvm-image:from-zip\n$/);
    });

    test('a build role that may not read the artifact fails the build in words', async () => {
      const env = { NAME: 'unreadable', READABLE: 'other/*' };
      const { code, stderr } = await tryScript(squib, 'from-zip/deploy.sh', [], env);
      assert.equal(code, 1);
      assert.match(
        stderr,
        /S3_ACCESS_DENIED: The build role arn:aws:iam::0+:role\/unreadable-build is not allowed/,
      );
    });
  });

  describe('an agent entered by shell only', { concurrency: 1 }, () => {
    let id: string;

    test('deploy.sh and connect.sh: a shell in its workspace, with what the image gives', async () => {
      id = (await script(squib, 'shell-agent/deploy.sh')).trim().split('\n').at(-1) ?? '';
      assert.match(id, /^microvm-/);
      const shell = startScript(squib, 'shell-agent/connect.sh', [id]);
      shell.type('pwd; echo "model $AGENT_MODEL in $AWS_REGION"\n');
      await shell.line(/^\/workspace\s*$/);
      await shell.line(new RegExp(`^model none in ${squib.config.region}\\s*$`));
      shell.type('agent note buy milk\n');
      await shell.line(/^noted in \/workspace\s*$/);
      shell.type('exit\n');
      assert.equal(await shell.end(), 0);
    });

    test('the next shell finds what the one before left; nothing else is let in', async () => {
      const shell = startScript(squib, 'shell-agent/connect.sh', [id]);
      shell.type('agent notes\n');
      await shell.line(/^buy milk\s*$/);
      shell.type('exit\n');
      assert.equal(await shell.end(), 0);
      const token = ['lambda-microvms', 'create-microvm-auth-token', '--microvm-identifier', id];
      const { authToken } = await aws(squib, [
        ...token,
        ...['--expiration-in-minutes', '5', '--allowed-ports', 'port=9000'],
      ]);
      const { endpoint } = await aws(squib, ['lambda-microvms', 'get-microvm', '--microvm-identifier', id]);
      const headers = Object.entries(authToken as Record<string, string>).flatMap(([name, value]) => [
        ...['-H', `${name}: ${value}`, '-H', 'X-aws-proxy-port: 9000'],
      ]);
      const status = ['-s', '-o', '/dev/null', '-w', '%{http_code}', `https://${endpoint}/`];
      assert.equal((await runProgram(squib, 'curl', [...status, ...headers])).stdout, '403');
    });

    test('cleanup.sh ends it and deletes the stack', async () => {
      await script(squib, 'shell-agent/cleanup.sh');
      assert.deepEqual(await imagesNamed('shell-agent'), []);
      assert.deepEqual(await rolesOf('shell-agent'), []);
    });
  });
});
