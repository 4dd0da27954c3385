import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { AuditedCall } from '../../src/audit/audited-call.ts';
import { cloudTrailEvent } from '../../src/audit/cloudtrail-event.ts';
import { compileRedactors, HIDDEN } from '../../src/audit/redaction.ts';
import { loadModel } from '../../src/aws/protocol/load-model.ts';
import { squibModel } from '../../src/extensions/squib-model.ts';

const image = 'arn:aws:lambda:us-east-1:000000000000:microvm-image:demo';
const call: AuditedCall = {
  ...{ time: Date.UTC(2026, 10, 1, 12, 30, 5, 999), requestId: 'request-1', service: 'lambda' },
  ...{ operation: 'DeleteMicrovmImage', readOnly: false, status: 200, sourceAddress: '::ffff:127.0.0.1' },
  userAgent: 'aws-cli/2.0',
  input: { imageIdentifier: image },
  caller: {
    ...{ accountId: '000000000000', accessKeyId: 'AKIA1', arn: 'arn:aws:iam::000000000000:user/ann' },
    ...{ userId: 'AIDA1', region: 'us-east-1', requestId: 'request-1' },
  },
  output: { imageIdentifier: image, state: 'DELETING' },
};
const options = {
  ...{ accountId: '000000000000', region: 'us-east-1' },
  imageOfMicrovm: (id: string) => (id === 'microvm-1' ? image : undefined),
};
const event = (change: Partial<AuditedCall> = {}) => cloudTrailEvent({ ...call, ...change }, options);

test('a whole record', () => {
  const { eventID, ...rest } = event();
  assert.match(eventID as string, /^[0-9a-f-]{36}$/);
  assert.deepEqual(rest, {
    eventVersion: '1.11',
    userIdentity: {
      type: 'IAMUser',
      principalId: 'AIDA1',
      arn: 'arn:aws:iam::000000000000:user/ann',
      accountId: '000000000000',
      accessKeyId: 'AKIA1',
      userName: 'ann',
    },
    eventTime: '2026-11-01T12:30:05Z',
    eventSource: 'lambda.amazonaws.com',
    eventName: 'DeleteMicrovmImage',
    awsRegion: 'us-east-1',
    sourceIPAddress: '127.0.0.1',
    userAgent: 'aws-cli/2.0',
    requestParameters: { imageIdentifier: image },
    responseElements: { imageIdentifier: image, state: 'DELETING' },
    requestID: 'request-1',
    readOnly: false,
    resources: [{ accountId: '000000000000', type: 'AWS::Lambda::MicrovmImage', ARN: image }],
    eventType: 'AwsApiCall',
    managementEvent: true,
    recipientAccountId: '000000000000',
    eventCategory: 'Management',
  });
});

describe('kinds of calls', () => {
  const dataOperations = [
    ...['RunMicrovm', 'TerminateMicrovm', 'SuspendMicrovm', 'ResumeMicrovm'],
    ...['CreateMicrovmAuthToken', 'CreateMicrovmShellAuthToken'],
  ];
  test('exactly the operations that CloudTrail names are data events', () => {
    for (const model of ['lambda-microvms', 'lambda-core'] as const) {
      for (const operation of Object.keys(loadModel(model).operations)) {
        const { eventCategory, managementEvent } = event({ operation });
        const data = dataOperations.includes(operation);
        assert.deepEqual([eventCategory, managementEvent], [data ? 'Data' : 'Management', !data], operation);
      }
    }
  });
  test('S3: objects are data, buckets are management', () => {
    const s3 = (operation: string) => event({ service: 's3', operation }).eventCategory;
    assert.equal(s3('GetObject'), 'Data');
    assert.equal(s3('UploadPart'), 'Data');
    assert.equal(s3('CreateBucket'), 'Management');
    assert.equal(s3('ListBuckets'), 'Management');
    const { resources, eventSource } = event({ service: 's3', input: { bucketName: 'b', key: 'a/k' } });
    assert.equal(eventSource, 's3.amazonaws.com');
    assert.deepEqual(resources, [
      { type: 'AWS::S3::Object', ARN: 'arn:aws:s3:::b/a/k' },
      { type: 'AWS::S3::Bucket', ARN: 'arn:aws:s3:::b' },
    ]);
  });
  test('a call on a MicroVM names its image', () => {
    const { resources } = event({
      operation: 'GetMicrovm',
      input: { microvmIdentifier: 'microvm-1' },
      output: {},
    });
    assert.deepEqual(resources, [
      { accountId: '000000000000', type: 'AWS::Lambda::MicrovmImage', ARN: image },
    ]);
  });
  test('reading has no response elements, a failure has a code and a message', () => {
    assert.equal(event({ readOnly: true }).responseElements, null);
    const failed = event({ status: 403, errorCode: 'AccessDeniedException', errorMessage: 'User: …' });
    assert.equal(failed.errorCode, 'AccessDeniedException');
    assert.equal(failed.errorMessage, 'User: …');
    assert.equal(failed.responseElements, null);
    assert.ok(!('errorCode' in event()));
  });
});

describe('who called', () => {
  const identity = (arn: string, userId: string) =>
    event({ caller: { ...call.caller!, arn, userId } }).userIdentity as Record<string, unknown>;
  test('root', () => {
    const root = identity('arn:aws:iam::000000000000:root', '000000000000');
    assert.equal(root.type, 'Root');
    assert.equal(root.principalId, '000000000000');
  });
  test('a role session', () => {
    const session = identity('arn:aws:sts::000000000000:assumed-role/build/s-1', 'AROA1:s-1');
    assert.equal(session.type, 'AssumedRole');
    assert.deepEqual(session.sessionContext, {
      sessionIssuer: {
        ...{ type: 'Role', principalId: 'AROA1', arn: 'arn:aws:iam::000000000000:role/build' },
        ...{ accountId: '000000000000', userName: 'build' },
      },
    });
  });
  test('nobody', () => {
    const { caller: _, ...anonymous } = call;
    const { userIdentity, recipientAccountId, awsRegion } = cloudTrailEvent(anonymous, options);
    assert.deepEqual(userIdentity, { type: 'Unknown' });
    assert.deepEqual([recipientAccountId, awsRegion], ['000000000000', 'us-east-1']);
  });
});

describe('what is not recorded', () => {
  const model = loadModel('lambda-microvms');
  const request = (operation: string, input: unknown) =>
    compileRedactors(model)(model.operations[operation]!.input!)(input) as Record<string, unknown>;

  test('run hook payloads', () => {
    assert.deepEqual(request('RunMicrovm', { imageIdentifier: image, runHookPayload: 'secret' }), {
      ...{ imageIdentifier: image, runHookPayload: HIDDEN },
    });
  });
  test('tokens', () => {
    const redact = compileRedactors(model)(model.operations.CreateMicrovmAuthToken!.output!);
    assert.deepEqual(redact({ authToken: { 'X-aws-proxy-auth': 'secret' } }), {
      authToken: { 'X-aws-proxy-auth': HIDDEN },
    });
  });
  test('values of environment variables, even when nobody redacted before', () => {
    const input = { name: 'demo', environmentVariables: { PASSWORD: 'secret', HOME: '/' } };
    const { requestParameters } = event({ operation: 'CreateMicrovmImage', input });
    assert.deepEqual(requestParameters, {
      ...{ name: 'demo', environmentVariables: { PASSWORD: HIDDEN, HOME: HIDDEN } },
    });
  });
  test('secret access keys', () => {
    const redact = compileRedactors(squibModel)('CreatedCredential');
    assert.deepEqual(redact({ userName: 'ann', secretAccessKey: 'secret', createdAt: new Date(0) }), {
      ...{ userName: 'ann', secretAccessKey: HIDDEN, createdAt: '1970-01-01T00:00:00.000Z' },
    });
  });
  test('members that the model does not have, and values of another type', () => {
    const strange = {
      imageIdentifier: { a: 1 },
      password: 'secret',
      idlePolicy: 'x',
      logging: [1],
      toString: 1,
    };
    assert.deepEqual(JSON.parse(JSON.stringify(request('RunMicrovm', strange))), {});
    for (const value of [null, undefined, 'text', 7, [], new Date()]) request('RunMicrovm', value);
  });
  test('contents of more than 100 KiB, texts of more than 1 Ki characters', () => {
    const big = event({ input: { description: 'x'.repeat(200_000) }, userAgent: 'u'.repeat(5000) });
    assert.deepEqual(big.requestParameters, { omitted: true, originalSize: 200_018 });
    assert.equal((big.userAgent as string).length, 1024);
  });
});
