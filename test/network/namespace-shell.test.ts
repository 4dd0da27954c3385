import assert from 'node:assert/strict';
import { after, test } from 'node:test';
import { NamespaceShell } from '../../src/host/network/namespace-shell.ts';

const shell = new NamespaceShell('/proc/self/ns/net');
after(() => shell.close());

test('programs get their words and their input as they are, and one comes after the other', async () => {
  const words = ["it's", '$HOME', 'a  b', ''];
  assert.equal(await shell.run('printf', ['<%s>', ...words]), "<it's><$HOME><a  b><>");
  const answers = await Promise.all([shell.run('sh', ['-c', 'sleep 0.1; echo 1']), shell.run('echo', ['2'])]);
  assert.deepEqual(answers, ['1\n', '2\n']);
  const long = '$x `y` 0123456789\n'.repeat(20_000);
  assert.equal(await shell.run('cat', [], long), `${long}\n`);
});

test('what fails says why; a shell that was killed is started again', async () => {
  await assert.rejects(shell.run('sh', ['-c', 'echo bad >&2; exit 3']), /^Error: sh -c .* failed: bad$/);
  await assert.rejects(shell.run('no-such-program', []), /failed: .*not found/);
  await assert.rejects(shell.run('sh', ['-c', 'kill -9 $PPID']), /the shell in .* ended/);
  assert.equal(await shell.run('echo', ['again']), 'again\n');
  await assert.rejects(new NamespaceShell('/nowhere').run('true', []), /nowhere/);
});
