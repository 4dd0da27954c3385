import type { Caller } from '../caller.ts';
import { decodeOnce } from '../http/query-string.ts';
import { WireError } from '../protocol/wire-error.ts';

/**
 * An ARN in its slash form, encoded so that it did not split the path, is denied rather than not found
 * (spec: control-plane 1.1, `…microvm-image%2Fname`).
 */
export function refuseSlashedArn(labels: Record<string, string>, operation: string, caller: Caller): void {
  const label = labels.imageIdentifier;
  if (label === undefined || !/%2f/i.test(label)) return;
  const arn = decodeOnce(label);
  if (!arn.startsWith('arn:')) return;
  throw new WireError(
    'AccessDeniedException',
    403,
    `User: ${caller.arn} is not authorized to perform: lambda:${operation} on resource: ${arn} because no identity-based policy allows the lambda:${operation} action`,
  );
}
