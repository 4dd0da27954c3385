import type { Policy } from './policy.ts';
import { type ContextEntries, RequestContext } from './request-context.ts';
import type { Question } from './statement.ts';

export type Decision = 'allow' | 'explicitDeny' | 'implicitDeny';

export interface AccessRequest extends Question {
  principalArn: string;
  /** Condition keys with their values; `aws:PrincipalArn` is added. */
  context: ContextEntries;
}

/** IAM's rule: a Deny that applies wins, then an Allow; what nobody allows is denied. */
export function evaluate(policies: readonly Policy[], request: AccessRequest): Decision {
  const context = new RequestContext({ ...request.context, 'aws:PrincipalArn': request.principalArn });
  let decision: Decision = 'implicitDeny';
  for (const { statements } of policies) {
    for (const statement of statements) {
      if (decision === 'allow' && statement.effect === 'Allow') continue;
      if (!statement.applies(request, context)) continue;
      if (statement.effect === 'Deny') return 'explicitDeny';
      decision = 'allow';
    }
  }
  return decision;
}
