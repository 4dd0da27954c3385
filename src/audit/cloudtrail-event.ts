import { randomUUID } from 'node:crypto';
import { type AuditedCall, isDataEvent } from './audited-call.ts';
import { hideSecretMaps } from './redaction.ts';
import { type ImageOfMicrovm, resourcesOf } from './resources.ts';
import { userIdentity } from './user-identity.ts';

/** CloudTrail leaves out larger contents, in bytes. */
const MAX_CONTENT = 100 * 1024;
/** CloudTrail cuts `userAgent` and `errorMessage` there, in characters. */
const MAX_TEXT = 1024;

const RESOURCE_TYPES: Record<string, string> = {
  'lambda:microvm-image': 'AWS::Lambda::MicrovmImage',
  'lambda:network-connector': 'AWS::Lambda::NetworkConnector',
  'iam:user': 'AWS::IAM::User',
  'iam:role': 'AWS::IAM::Role',
  'logs:log-group': 'AWS::Logs::LogGroup',
};

export interface EventOptions {
  /** This squib's, for calls of nobody. */
  accountId: string;
  region: string;
  imageOfMicrovm: ImageOfMicrovm;
}

/** One call in CloudTrail's record form. */
export function cloudTrailEvent(call: AuditedCall, options: EventOptions): Record<string, unknown> {
  const data = isDataEvent(call);
  const { errorCode, readOnly } = call;
  const succeeded = errorCode === undefined;
  return {
    eventVersion: '1.11',
    userIdentity: userIdentity(call.caller),
    eventTime: `${new Date(call.time).toISOString().slice(0, 19)}Z`,
    // squib's own operations are nobody's at AWS.
    eventSource: call.service === 'squib' ? 'squib' : `${cut(call.service)}.amazonaws.com`,
    eventName: cut(call.operation),
    awsRegion: cut(call.caller?.region ?? options.region),
    sourceIPAddress: call.sourceAddress.replace(/^::ffff:(?=\d+\.)/, ''),
    userAgent: cut(call.userAgent),
    ...(!succeeded && { errorCode, errorMessage: cut(call.errorMessage ?? '') }),
    requestParameters: bounded(call.input),
    responseElements: readOnly || !succeeded ? null : bounded(call.output),
    requestID: call.requestId,
    eventID: randomUUID(),
    readOnly,
    resources: resourcesOf(call, options.imageOfMicrovm).map(resource),
    eventType: call.service === 'signin' ? 'AwsConsoleSignIn' : 'AwsApiCall',
    managementEvent: !data,
    recipientAccountId: call.caller?.accountId ?? options.accountId,
    eventCategory: data ? 'Data' : 'Management',
    ...(call.fromConsole && { sessionCredentialFromConsole: 'true' }),
  };
}

function cut(text: string): string {
  return text.length > MAX_TEXT ? `${text.slice(0, MAX_TEXT - 3)}...` : text;
}

function bounded(content: Record<string, unknown> | undefined): unknown {
  if (content === undefined || Object.keys(content).length === 0) return null;
  const shown = hideSecretMaps(content);
  const size = Buffer.byteLength(JSON.stringify(shown));
  return size > MAX_CONTENT ? { omitted: true, originalSize: size } : shown;
}

function resource(arn: string): Record<string, unknown> {
  const [, , service = '', , account = '', ...rest] = arn.split(':');
  const kind = (rest[0] ?? '').split('/')[0];
  const s3Type = rest.join(':').includes('/') ? 'AWS::S3::Object' : 'AWS::S3::Bucket';
  const type = service === 's3' ? s3Type : RESOURCE_TYPES[`${service}:${kind}`];
  return { ...(account && { accountId: account }), ...(type && { type }), ARN: cut(arn) };
}
