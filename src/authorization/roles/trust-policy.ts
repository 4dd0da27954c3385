import { type Decision, evaluate } from '../policy/evaluate.ts';
import { type Policy, parsePolicy } from '../policy/policy.ts';
import { PolicyError } from '../policy/policy-error.ts';
import type { ContextEntries } from '../policy/request-context.ts';
import { textList } from '../policy/text-list.ts';
import { checkUniqueNames } from '../policy/unique-names.ts';

/** Who wants to take a role on: a principal (user, root, assumed-role session) or a service of AWS. */
export type Candidate = { arn: string; accountId: string } | { service: string };

/** What a trust policy says; `account`: it leaves the decision to the identity policies of the account. */
export type TrustDecision = Decision | 'account';

interface TrustStatement {
  principals: { AWS: readonly string[]; Service: readonly string[] };
  policy: Policy;
}

/** The resource-based policy of a role: who may assume it. */
export interface TrustPolicy {
  decide(candidate: Candidate, action: string, context: ContextEntries): TrustDecision;
}

/**
 * Reads the `AssumeRolePolicyDocument` of a role. Federated principals are let stand, but nobody is one here.
 * @param text JSON
 * @throws PolicyError
 */
export function parseTrustPolicy(text: string): TrustPolicy {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new PolicyError('', `is not JSON: ${(error as SyntaxError).message}`);
  }
  if (document === null || typeof document !== 'object' || Array.isArray(document)) {
    throw new PolicyError('', 'must be a JSON object');
  }
  checkUniqueNames(text);
  const { Statement: given, ...head } = document as Record<string, unknown>;
  const list = Array.isArray(given) ? (given as unknown[]) : given === undefined ? [] : [given];
  if (list.length === 0) throw new PolicyError('Statement', 'must hold at least one statement');
  const statements = list.map((each, index) => parseStatement(each, head, `Statement[${index}]`));
  return { decide: (candidate, action, context) => decide(statements, candidate, action, context) };
}

/** All but the principal is read like a statement of an identity policy. */
function parseStatement(given: unknown, head: Record<string, unknown>, path: string): TrustStatement {
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    throw new PolicyError(path, 'must be an object');
  }
  const { Principal: principal, ...rest } = given as Record<string, unknown>;
  for (const name of ['NotPrincipal', 'Resource', 'NotResource']) {
    if (name in rest) throw new PolicyError(path, `must not have ${name} in a trust policy`);
  }
  const policy = parsePolicy(JSON.stringify({ ...head, Statement: [{ ...rest, Resource: '*' }] }));
  return { principals: parsePrincipals(principal, `${path}.Principal`), policy };
}

function parsePrincipals(given: unknown, path: string): TrustStatement['principals'] {
  if (given === '*') return { AWS: ['*'], Service: [] };
  if (given === undefined || given === null || typeof given !== 'object' || Array.isArray(given)) {
    throw new PolicyError(path, "must be '*' or an object");
  }
  const principals = { AWS: [] as string[], Service: [] as string[] };
  for (const [kind, value] of Object.entries(given)) {
    const texts = textList(value, `${path}.${kind}`, { scalars: false });
    if (kind === 'AWS' || kind === 'Service') principals[kind] = texts;
    else if (kind !== 'Federated' && kind !== 'CanonicalUser') {
      throw new PolicyError(path, `names the kind '${kind}', which no principal has`);
    }
  }
  return principals;
}

function decide(
  statements: readonly TrustStatement[],
  candidate: Candidate,
  action: string,
  context: ContextEntries,
): TrustDecision {
  let decision: TrustDecision = 'implicitDeny';
  for (const { principals, policy } of statements) {
    const match = matchPrincipal(principals, candidate);
    if (match === undefined) continue;
    const principalArn = 'arn' in candidate ? candidate.arn : candidate.service;
    const said = evaluate([policy], { principalArn, action, resource: '*', context });
    if (said === 'explicitDeny') return said;
    if (said === 'allow' && decision !== 'allow') decision = match;
  }
  return decision;
}

/** `allow`: the candidate itself is named; `account`: its account is. */
function matchPrincipal(
  { AWS, Service }: TrustStatement['principals'],
  candidate: Candidate,
): 'allow' | 'account' | undefined {
  if ('service' in candidate) return Service.includes(candidate.service) ? 'allow' : undefined;
  const { arn, accountId } = candidate;
  const account = new RegExp(`^(?:\\*|${accountId}|arn:[\\w-]+:iam::${accountId}:root)$`);
  if (AWS.some((name) => name === arn || name === roleOfSession(arn))) {
    return account.test(arn) ? 'account' : 'allow';
  }
  return AWS.some((name) => account.test(name)) ? 'account' : undefined;
}

/** `arn:aws:sts::1:assumed-role/r/s` → `arn:aws:iam::1:role/r`, as for roles without a path; other ARNs as they are. */
function roleOfSession(arn: string): string {
  return arn.replace(/^(arn:[\w-]+):sts::(\d+):assumed-role\/([^/]+)\/.*$/, '$1:iam::$2:role/$3');
}
