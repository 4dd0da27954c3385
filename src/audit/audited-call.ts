import type { AuditRecord } from '../aws/audit.ts';

/** A call as the front door reports it. */
export type AuditedCall = AuditRecord;

/** The operations that CloudTrail counts as data events (spec: iam-credentials-logging-metrics section 6). */
const DATA_OPERATIONS = new Set([
  ...['RunMicrovm', 'TerminateMicrovm', 'SuspendMicrovm', 'ResumeMicrovm'],
  ...['CreateMicrovmAuthToken', 'CreateMicrovmShellAuthToken'],
  ...['ExecMicrovm', 'GetMicrovmFiles', 'PutMicrovmFiles'],
]);
/** S3 records work on objects as data events; what concerns buckets as a whole is management. */
const S3_OBJECT_OPERATION = /Object|Upload|ListParts/;

export function isDataEvent({ service, operation }: AuditRecord): boolean {
  return service === 's3' ? S3_OBJECT_OPERATION.test(operation) : DATA_OPERATIONS.has(operation);
}
