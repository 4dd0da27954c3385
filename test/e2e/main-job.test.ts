import assert from 'node:assert/strict';
import { existsSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { DescribeLogStreamsCommand, GetLogEventsCommand } from '@aws-sdk/client-cloudwatch-logs';
import { SuspendMicrovmCommand, TerminateMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { buildProbe } from '../support/images.ts';
import { get, isAlive, launch, mint, run, send, until } from '../support/microvms.ts';
import { TestSquib } from '../support/squib.ts';

describe('the main job, from a zip to a MicroVM that sleeps and wakes', () => {
  let squib: TestSquib;
  let image: string;
  const suspend = async (id: string) => {
    await squib.clients.microvms.send(new SuspendMicrovmCommand({ microvmIdentifier: id }));
    await until(squib, id, 'SUSPENDED');
  };
  const terminate = async (id: string) => {
    await squib.clients.microvms.send(new TerminateMicrovmCommand({ microvmIdentifier: id }));
    await until(squib, id, 'TERMINATED');
  };

  before(async () => {
    squib = await TestSquib.start();
    image = await buildProbe(squib);
  });
  after(() => squib?.remove());

  test('a MicroVM answers at its own endpoint, was told who it is, and counts on', async () => {
    const microvm = await run(squib, image, { runHookPayload: '{"tenant":"t-17"}' });
    assert.equal((await microvm.json('/')).count, 1);
    assert.equal((await microvm.json('/')).count, 2);
    const state = await microvm.json('/state');
    assert.deepEqual(state.hooks, ['ready', 'run']);
    assert.equal(state.microvm_id, microvm.id);
    assert.equal(state.payload, '{"tenant":"t-17"}');
    await terminate(microvm.id);
  });

  test('the container has the environment, user and capabilities of the specification', async () => {
    const microvm = await run(squib, image);
    const environment = await microvm.json('/environment');
    assert.equal(environment.GREETING, 'hello');
    assert.equal(environment.AWS_REGION, squib.config.region);
    assert.equal(environment.AWS_LAMBDA_MICROVM_IMAGE_NAME, 'probe');
    assert.equal(environment.AWS_LAMBDA_MICROVM_IMAGE_ARN, image);
    assert.equal(environment.AWS_LAMBDA_MICROVM_IMAGE_VERSION, '1.0');
    const { pid, uid, status } = await microvm.json('/process');
    assert.equal(pid, 1);
    assert.equal(uid, 0);
    assert.match(String(status), /^CapEff:\s+00000000a80425fb$/m);
    await terminate(microvm.id);
  });

  test('two MicroVMs of one snapshot share neither memory, disk nor randomness', async () => {
    const [a, b] = await Promise.all([run(squib, image), run(squib, image)]);
    await a.json('/write?name=/root/mine&text=a');
    assert.equal((await a.json('/')).count, 1);
    assert.equal((await a.json('/')).count, 2);
    assert.equal((await b.json('/')).count, 1);
    assert.equal((await b.send('/read?name=/root/mine')).status, 404);
    assert.notEqual((await a.json('/random')).random, (await b.json('/random')).random);
    await Promise.all([terminate(a.id), terminate(b.id)]);
  });

  test('suspended it is only files; the next request wakes it with all its state and the right time', async () => {
    const microvm = await run(squib, image);
    await microvm.json('/');
    await microvm.json('/write?name=/root/note&text=kept');
    const pid = microvm.pid();
    assert.ok(isAlive(pid));
    await suspend(microvm.id);
    assert.ok(!isAlive(pid), 'QEMU still runs');
    assert.equal((await microvm.json('/')).count, 2);
    assert.equal((await get(squib, microvm.id)).state, 'RUNNING');
    assert.equal((await microvm.json('/read?name=/root/note')).text, 'kept');
    assert.deepEqual((await microvm.json('/state')).hooks, ['ready', 'run', 'suspend', 'resume']);
    const { time } = await microvm.json('/time');
    assert.ok(Math.abs(Number(time) - Date.now() / 1000) < 2, `the guest's clock says ${time}`);
    await terminate(microvm.id);
  });

  test('many requests to a suspended MicroVM wake it once and are all answered', async () => {
    const microvm = await run(squib, image);
    await suspend(microvm.id);
    const answers = await Promise.all(Array.from({ length: 10 }, () => microvm.json('/')));
    assert.deepEqual(
      answers.map(({ count }) => count).sort((x, y) => Number(x) - Number(y)),
      [1, 2, 3, 4, 5, 6, 7, 8, 9, 10],
    );
    const { hooks } = await microvm.json('/state');
    assert.deepEqual(hooks, ['ready', 'run', 'suspend', 'resume']);
    await terminate(microvm.id);
  });

  test('QEMU runs as a user of its own, without capabilities', async () => {
    const [a, b] = await Promise.all([run(squib, image), run(squib, image)]);
    const { readFileSync } = await import('node:fs');
    const uid = (pid: number) => /^Uid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    assert.notEqual(uid(a.pid()), '0');
    assert.notEqual(uid(a.pid()), uid(b.pid()));
    assert.match(readFileSync(`/proc/${a.pid()}/status`, 'utf8'), /^CapEff:\s+0000000000000000$/m);
    await Promise.all([terminate(a.id), terminate(b.id)]);
  });

  test('a killed daemon finds its running and suspended MicroVMs again', async () => {
    const [running, suspended] = await Promise.all([run(squib, image), run(squib, image)]);
    await running.json('/');
    await suspended.json('/');
    await suspend(suspended.id);
    const pid = running.pid();
    await squib.down('SIGKILL');
    assert.ok(isAlive(pid), 'QEMU ended with the daemon');
    await squib.up();
    assert.equal((await get(squib, running.id)).state, 'RUNNING');
    assert.equal((await get(squib, suspended.id)).state, 'SUSPENDED');
    assert.equal((await running.json('/')).count, 2);
    assert.equal(running.pid(), pid);
    assert.equal((await suspended.json('/')).count, 2);
    await Promise.all([terminate(running.id), terminate(suspended.id)]);
  });

  test('standard output of the container is in the log group that the specification names', async () => {
    const microvm = await run(squib, image);
    await microvm.json('/print?text=printed-by-the-test');
    await suspend(microvm.id);
    await microvm.json('/');
    await terminate(microvm.id);
    const { logs } = squib.clients;
    const logGroupName = '/aws/lambda-microvms/probe';
    const { logStreams = [] } = await logs.send(new DescribeLogStreamsCommand({ logGroupName }));
    const stream = logStreams.find(({ logStreamName }) => logStreamName?.endsWith(`[1.0]${microvm.id}`));
    assert.ok(stream, 'no stream for the MicroVM');
    const { events = [] } = await logs.send(
      new GetLogEventsCommand({ logGroupName, logStreamName: stream.logStreamName, startFromHead: true }),
    );
    const messages = events.map(({ message }) => message);
    assert.ok(messages.includes('printed-by-the-test'), messages.join('\n'));
    assert.ok(messages.includes('hook terminate'), messages.join('\n'));
    // The application has heard of the end of the connections that squib keeps as of any client's.
    assert.doesNotMatch(messages.join('\n'), /Exception occurred|Traceback/);
  });

  test('the end of the main process ends the MicroVM, with its exit code as the reason', async () => {
    const microvm = await run(squib, image);
    await microvm.json('/exit?code=7');
    const { stateReason, terminatedAt } = await until(squib, microvm.id, 'TERMINATED');
    assert.equal(stateReason, 'Container Stopped with Exit Code: 7');
    assert.ok(terminatedAt);
    assert.ok(!existsSync(squib.layout.microvm(microvm.id)));
    const { status, body } = await microvm.send('/');
    assert.deepEqual([status, body], [502, '']);
  });

  test('a failing or hanging /run ends the MicroVM before any traffic', async () => {
    const failing = await launch(squib, image, { runHookPayload: 'fail-run' });
    const { stateReason } = await until(squib, failing.id, 'TERMINATED');
    assert.match(String(stateReason), /^Run lifecycle hook returned HTTP status 500\. /);
    assert.ok(!existsSync(squib.layout.microvm(failing.id)));
  });

  test('a failing /suspend ends the MicroVM with its reason', async () => {
    const microvm = await run(squib, image, { runHookPayload: 'fail-suspend' });
    const pid = microvm.pid();
    await squib.clients.microvms.send(new SuspendMicrovmCommand({ microvmIdentifier: microvm.id }));
    const { stateReason } = await until(squib, microvm.id, 'TERMINATED');
    assert.match(String(stateReason), /^Suspend lifecycle hook returned HTTP status 500\. /);
    assert.ok(!isAlive(pid));
  });

  test('a missing, broken, foreign or too narrow token opens nothing', async () => {
    const [a, b] = await Promise.all([run(squib, image), run(squib, image)]);
    const answer = async (headers: Record<string, string>) => {
      const { status, body } = await send(squib, a.endpoint, '/', headers);
      return [status, body];
    };
    assert.deepEqual(await answer({}), [403, 'Request missing authentication']);
    assert.deepEqual(await answer({ 'x-aws-proxy-auth': 'abc' }), [403, 'Request missing authentication']);
    const foreign = await mint(squib, b.id);
    assert.deepEqual(await answer({ 'x-aws-proxy-auth': foreign }), [403, 'Token authentication failed']);
    const narrow = await mint(squib, a.id, [{ port: 3000 }]);
    assert.deepEqual(await answer({ 'x-aws-proxy-auth': narrow }), [403, 'Access to port denied']);
    const closed = await a.send('/', { 'x-aws-proxy-port': '9' });
    assert.deepEqual([closed.status, closed.body], [502, '']);
    await Promise.all([terminate(a.id), terminate(b.id)]);
  });

  test('a terminated MicroVM leaves no process and no file', async () => {
    const microvm = await run(squib, image);
    const pid = microvm.pid();
    await terminate(microvm.id);
    const { stateReason } = await get(squib, microvm.id);
    assert.equal(stateReason, 'Success.');
    assert.ok(!isAlive(pid));
    assert.ok(!existsSync(squib.layout.microvm(microvm.id)));
  });

  test('neither log nor process list shows a token, a payload or a key', async () => {
    const microvm = await run(squib, image, { runHookPayload: 'payload-that-is-secret' });
    const token = await mint(squib, microvm.id);
    await send(squib, microvm.endpoint, '/', { 'x-aws-proxy-auth': token });
    await terminate(microvm.id);
    const { readFileSync } = await import('node:fs');
    const credentials = readFileSync(`${squib.layout.keys}/credentials.json`, 'utf8');
    const { secretAccessKey } = JSON.parse(credentials);
    for (const secret of [token, 'payload-that-is-secret', secretAccessKey]) {
      assert.ok(!squib.log.includes(secret));
    }
  });
});
