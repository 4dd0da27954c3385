import assert from 'node:assert/strict';
import { test } from 'node:test';
import { caller, openLab, refusal } from './lab/lab.ts';

const { signal } = new AbortController();
const order = { command: ['true'] };
const idlePolicy = { maxIdleDurationSeconds: 60, suspendedDurationSeconds: 3600, autoResumeEnabled: true };

test('a command keeps its MicroVM awake as long as it runs, and no longer', async (t) => {
  const lab = openLab(t);
  const id = await lab.microvm({ idlePolicy });
  const session = await lab.control.commands.exec(id, order, caller, signal);
  await lab.clock.advance(600_000);
  assert.equal(await lab.state(id), 'RUNNING');
  session.stdin.end();
  session.stdout.resume();
  await session.exited;
  await lab.clock.advance(59_000);
  assert.equal(await lab.state(id), 'RUNNING');
  await lab.clock.advance(3000);
  assert.equal(await lab.state(id), 'SUSPENDED');
});

test('a command wakes a suspended MicroVM up where a request would', async (t) => {
  const lab = openLab(t);
  const id = await lab.microvm({ idlePolicy });
  await lab.api.SuspendMicrovm({ microvmIdentifier: id }, caller);
  await lab.settle();
  const started = lab.control.commands.exec(id, order, caller, signal);
  await lab.settle();
  (await started).end();
  assert.equal(await lab.state(id), 'RUNNING');
  const other = await lab.microvm();
  await lab.api.SuspendMicrovm({ microvmIdentifier: other }, caller);
  await lab.settle();
  await assert.rejects(
    lab.control.commands.exec(other, order, caller, signal),
    refusal('Conflict', /cannot take a command: .*idle policy does not allow/),
  );
});

test('there are no commands for MicroVMs that ended, or are somebody else’s', async (t) => {
  const lab = openLab(t);
  const id = await lab.microvm();
  const stranger = { ...caller, accountId: '222222222222' };
  for (const unknown of ['microvm-x', id]) {
    assert.throws(() => lab.control.commands.check(unknown, stranger), refusal('NotFound', /not found/));
  }
  await lab.api.TerminateMicrovm({ microvmIdentifier: id }, caller);
  assert.throws(() => lab.control.commands.check(id, caller), refusal('Validation', /has been terminated/));
  await lab.settle();
  await assert.rejects(
    lab.control.commands.exec(id, order, caller, signal),
    refusal('Validation', /has been terminated/),
  );
});
