// What the tests before did is in the audit record: who, what, on what, answer, and no secret.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { ListMicrovmsCommand } from '@aws-sdk/client-lambda-microvms';
import type { FullHouse } from './full-house.ts';
import { accountId, roleArn, rootOf, type World } from './world.ts';

export async function auditRecord(t: TestContext, { squib, image }: World, house: FullHouse): Promise<void> {
  const read = () => readFileSync(join(squib.layout.audit, 'audit.jsonl'), 'utf8');
  // One call more, to wait for: lines are written in order.
  const { $metadata } = await squib.clients.microvms.send(new ListMicrovmsCommand({}));
  while (!read().includes($metadata.requestId ?? '')) await sleep(20);
  const record = read();
  const events = record
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line));

  await t.test('audit: every client’s calls are there, allowed and denied ones, in CloudTrail’s form', () => {
    const agents = ['aws-sdk-js/', 'Boto3/', 'aws-cli/'];
    for (const agent of agents) {
      const own = events.filter(({ userAgent }) => userAgent.includes(agent));
      assert.ok(
        own.some(({ eventName, errorCode }) => eventName === 'RunMicrovm' && errorCode === undefined),
        agent,
      );
    }
    const denied = events.filter(({ errorCode }) => errorCode === 'AccessDeniedException');
    const suspend = denied.find(({ eventName }) => eventName === 'SuspendMicrovm');
    assert.equal(suspend.userIdentity.arn, `arn:aws:iam::${accountId}:user/ann`);
    assert.equal(suspend.requestParameters.microvmIdentifier, house.microvmIds[0]);
    assert.ok(suspend.resources.some(({ ARN }: { ARN: string }) => ARN === image));
    const role = denied.find(({ errorMessage }) => errorMessage.includes('iam:PassRole'));
    assert.ok(role.errorMessage.includes(roleArn('admin')));
    const names = new Set(events.map(({ eventName }) => eventName));
    for (const name of ['CreateNetworkConnector', 'TagResource', 'CreateMicrovmAuthToken', 'PutObject']) {
      assert.ok(names.has(name), name);
    }
  });

  await t.test('audit: no key, token or payload is in it', () => {
    for (const secret of [rootOf(squib).secretAccessKey, house.ann.secretAccessKey, 'from the CLI', 'eyJ']) {
      assert.ok(!record.includes(secret), `the record holds ${secret.slice(0, 4)}…`);
    }
  });
}
