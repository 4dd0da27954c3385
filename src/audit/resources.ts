import type { AuditedCall } from './audited-call.ts';

/** ARN of the image that a MicroVM runs: what IAM and CloudTrail name instead of the MicroVM. */
export type ImageOfMicrovm = (microvmId: string) => string | undefined;

/** Members that hold, or may hold, the ARN of what a call is about. */
const ARN_MEMBERS = [
  'imageIdentifier',
  'Resource',
  'Identifier',
  'imageArn',
  'Arn',
  'arn',
  'executionRoleArn',
];

/** ARNs of what a call was about, as far as its members tell; each once. */
export function resourcesOf({ service, input, output }: AuditedCall, imageOf: ImageOfMicrovm): string[] {
  const arns = new Set<string>();
  if (service === 's3') {
    const { bucketName, key } = input;
    if (typeof bucketName === 'string' && typeof key === 'string')
      arns.add(`arn:aws:s3:::${bucketName}/${key}`);
    if (typeof bucketName === 'string') arns.add(`arn:aws:s3:::${bucketName}`);
    return [...arns];
  }
  const image = typeof input.microvmIdentifier === 'string' ? imageOf(input.microvmIdentifier) : undefined;
  if (image !== undefined) arns.add(image);
  for (const members of [input, output ?? {}]) {
    for (const name of ARN_MEMBERS) {
      const value = members[name];
      if (typeof value === 'string' && value.startsWith('arn:')) arns.add(value);
    }
  }
  return [...arns];
}
