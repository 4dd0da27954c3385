import assert from 'node:assert/strict';
import { request } from 'node:http';
import { after, before, test } from 'node:test';
import { sign } from '../../src/aws/client/sign.ts';
import { callSquib } from '../../src/cli/api/call.ts';
import { eventStream } from '../../src/cli/api/event-stream.ts';
import { rootConnection } from '../support/connection.ts';
import { createImage, imageSettled, put } from '../support/images.ts';
import { TestSquib } from '../support/squib.ts';

const arn = (name: string) => `arn:aws:lambda:us-east-1:000000000000:microvm-image:${name}`;
let squib: TestSquib;
before(async () => {
  squib = await TestSquib.start();
});
after(() => squib.remove());

/** An image whose build fails at once: its artifact is no zip. */
async function failedImage(name: string): Promise<void> {
  await createImage(squib, name, await put(squib, 'not.zip', Buffer.from('not a zip')));
  await imageSettled(squib, arn(name));
}

test('a failed build is streamed with its reason while it happens, and stays in the list', async () => {
  const connection = rootConnection(squib);
  const gone = new AbortController();
  const stream = eventStream(connection, { resource: arn('broken') }, gone.signal);
  const first = stream.next();
  await failedImage('broken');
  const seen = [(await first).value!];
  for await (const event of stream) {
    seen.push(event);
    if (event.detail.state === 'CREATE_FAILED') break;
  }
  gone.abort();
  const failed = seen.find(({ detail }) => detail.buildId !== undefined && detail.state === 'FAILED');
  assert.match(failed?.detail.reason ?? '', /zip/);
  const { items } = await callSquib(connection, 'ListEvents', { resource: arn('broken') });
  assert.deepEqual(items.reverse(), seen);
});

test('a reader resumes by id after a restart of squib; stopping squib does not wait for readers', async () => {
  const stream = eventStream(rootConnection(squib), { since: '0' });
  const { value: known } = await stream.next();
  await squib.down('SIGTERM');
  await assert.doesNotReject(async () => {
    for await (const _ of stream);
  });
  await squib.up();
  const rest = eventStream(rootConnection(squib), { since: known!.id });
  assert.equal((await rest.next()).value?.id, String(Number(known!.id) + 1));
  await rest.return();
});

test('events belong to those who may see them; an id that is not yet there is refused', async () => {
  const root = rootConnection(squib);
  const statement = { Effect: 'Allow', Action: 'squib:*Events', Resource: arn('broken') };
  const { accessKeyId, secretAccessKey } = await callSquib(root, 'CreateCredential', {
    userName: 'reader',
    policyDocument: JSON.stringify({ Version: '2012-10-17', Statement: statement }),
  });
  const reader = { ...root, accessKeyId, secretAccessKey };
  const { items } = await callSquib(reader, 'ListEvents', { resource: arn('broken') });
  assert.ok(items.length > 5);
  const denied =
    /user\/reader is not authorized to perform: squib:(List|Stream)Events on resource: (\*|arn:\S+) /;
  await assert.rejects(callSquib(reader, 'ListEvents', {}), { message: denied });
  await assert.rejects(eventStream(reader, { resource: arn('other') }).next(), { message: denied });
  await assert.rejects(eventStream(root, { since: '999999' }).next(), /There is no event 999999 yet/);
  await assert.rejects(eventStream(root, { since: 'x' }).next(), /since/);
});

test('Last-Event-ID, as browsers send it, wins over since', async () => {
  const connection = rootConnection(squib);
  const url = new URL('/_squib/v1/events/stream?since=0', connection.endpoint);
  const { newest } = { newest: (await callSquib(connection, 'ListEvents', { maxResults: 1 })).items[0]!.id };
  const given = { 'last-event-id': String(Number(newest) - 1) };
  const headers = sign({ method: 'GET', url, headers: given, body: '' }, connection, 'squib', Date.now());
  const text = await new Promise<string>((resolve, reject) => {
    let received = '';
    const sent = request(url, { headers }, (response) => {
      assert.equal(response.headers['content-type'], 'text/event-stream');
      response.setEncoding('utf8').on('data', (chunk: string) => {
        received += chunk;
        if (!received.includes('data: ')) return;
        sent.destroy();
        resolve(received);
      });
    });
    sent.once('error', reject).end();
  });
  assert.match(text, new RegExp(`^: squib\\n\\nid: ${newest}\\ndata: \\{.*\\}\\n\\n$`));
});
