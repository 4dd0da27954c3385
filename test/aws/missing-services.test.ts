// What squib does not have is named in an error that the client's protocol can show: the AWS CLI prints it.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { readConfig } from '../../src/config/config.ts';
import { awsCliV2 } from '../../src/setup/aws-cli-v2.ts';
import { CREDENTIAL, REGION, start } from './harness.ts';

const aws = join(awsCliV2(readConfig().cacheDir), 'aws');

async function complaint(url: string, line: string): Promise<string> {
  const child = spawn(aws, line.split(' '), {
    env: {
      ...{ AWS_ENDPOINT_URL: url, AWS_REGION: REGION, AWS_MAX_ATTEMPTS: '1', HOME: '/nonexistent' },
      ...{ AWS_ACCESS_KEY_ID: CREDENTIAL.accessKeyId, AWS_SECRET_ACCESS_KEY: CREDENTIAL.secretAccessKey },
      AWS_DISABLE_HOST_PREFIX_INJECTION: 'true',
    },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  return text(child.stderr);
}

const has = (service: string, action: string) =>
  new RegExp(`squib does not have the AWS service '${service}' \\(${action}\\)\\. It has: lambda, s3, sts`);

for (const [protocol, line, said] of [
  ['json-1.0', 'dynamodb list-tables', has('dynamodb', 'ListTables')],
  ['json-1.1', 'ecs list-clusters', has('ecs', 'ListClusters')],
  ['query', 'sns list-topics', has('sns', 'ListTopics')],
  ['ec2', 'ec2 describe-vpcs', has('ec2', 'DescribeVpcs')],
  ['rest-json', 'efs describe-file-systems', has('elasticfilesystem', 'GET /2015-02-01/file-systems')],
  ['rest-json', 's3files list-file-systems', has('s3files', 'GET /file-systems')],
  ['rest-xml', 'route53 list-hosted-zones', has('route53', 'GET /2013-04-01/hostedzone')],
  ['cbor or json', 'cloudwatch list-metrics', has('monitoring', '.*')],
  [
    'the same signing name',
    'lambda list-functions',
    /squib has only MicroVMs and network connectors of AWS Lambda, not GET \/2015-03-31\/functions/,
  ],
] as const) {
  test(`${protocol}: aws ${line}`, async (t) => {
    const { url } = await start(t);
    assert.match(await complaint(url, line), said);
  });
}

test('rpc-v2-cbor: the error is CBOR', async (t) => {
  const { url } = await start(t);
  const answer = await fetch(`${url}/service/GraniteServiceVersion20100801/operation/ListMetrics`, {
    method: 'POST',
    headers: {
      'smithy-protocol': 'rpc-v2-cbor',
      authorization: `AWS4-HMAC-SHA256 Credential=${CREDENTIAL.accessKeyId}/20260101/${REGION}/monitoring/aws4_request, SignedHeaders=host, Signature=0`,
    },
  });
  assert.deepEqual([answer.status, answer.headers.get('smithy-protocol')], [400, 'rpc-v2-cbor']);
  const body = Buffer.from(await answer.arrayBuffer());
  assert.equal(body[0], 0xa2);
  assert.match(body.toString(), /__type.*UnknownOperationException.*message.*'monitoring'/s);
});

test('an action that a service of squib lacks is named, with those it has', async (t) => {
  const { url } = await start(t);
  assert.match(
    await complaint(url, 'sts get-federation-token --name anyone'),
    /InvalidAction.*sts does not have the action GetFederationToken/,
  );
});
