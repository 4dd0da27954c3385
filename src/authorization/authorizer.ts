import type { Caller } from '../aws/caller.ts';
import { ServiceError } from '../errors/service-error.ts';
import type { Access } from './access.ts';
import type { FindIdentity, Identity } from './identity.ts';
import { type Decision, evaluate } from './policy/evaluate.ts';
import type { ContextEntries } from './policy/request-context.ts';

/** Where a request came from; condition keys whose value is not known are absent. */
export interface Origin {
  /** Value of `aws:SourceIp`. */
  sourceIp?: string | undefined;
  /** Value of `aws:SecureTransport`: the request came over TLS. */
  secureTransport?: boolean | undefined;
  userAgent?: string | undefined;
}

export interface AuthorizerOptions {
  identities: FindIdentity;
  /** Epoch milliseconds. */
  now: () => number;
}

/** Decides by identity-based policies who may do what. Knows no operation; their accesses come from the action tables. */
export class Authorizer {
  readonly #identities: FindIdentity;
  readonly #now: () => number;

  constructor({ identities, now }: AuthorizerOptions) {
    this.#identities = identities;
    this.#now = now;
  }

  /** Whether no access of this caller needs to be looked at: policies do not bind the root. */
  isRoot(caller: Caller): boolean {
    return this.#identities(caller.accessKeyId)?.root ?? false;
  }

  /** Answers without throwing, where each part of a request is refused alone (DeleteObjects). */
  decide(caller: Caller & Origin, access: Access): Decision {
    const identity = this.#identities(caller.accessKeyId);
    if (identity?.root) return 'allow';
    const context = {
      ...this.#globalKeys(caller, identity),
      ...resourceKeys(access.resource, caller.accountId),
      ...access.context,
    };
    const request = { principalArn: caller.arn, action: access.action, resource: access.resource, context };
    for (const policies of [identity?.policies ?? [], ...(identity?.limits ?? [])]) {
      const decision = evaluate(policies, request);
      if (decision !== 'allow') return decision;
    }
    return 'allow';
  }

  /**
   * Passes when the caller has every access.
   * @throws ServiceError `AccessDenied` that names the first missing one
   */
  check(caller: Caller & Origin, accesses: readonly Access[]): void {
    for (const access of accesses) {
      const decision = this.decide(caller, access);
      if (decision !== 'allow') throw accessDenied(caller.arn, access, decision);
    }
  }

  #globalKeys(caller: Caller & Origin, identity: Identity | undefined): ContextEntries {
    const now = this.#now();
    return {
      'aws:PrincipalAccount': caller.accountId,
      'aws:PrincipalType': caller.arn.includes(':assumed-role/') ? 'AssumedRole' : 'User',
      'aws:userid': caller.userId,
      'aws:username': identity?.userName,
      'aws:RequestedRegion': caller.region,
      'aws:SourceIp': caller.sourceIp,
      'aws:SecureTransport': caller.secureTransport,
      'aws:UserAgent': caller.userAgent,
      'aws:CurrentTime': new Date(now),
      'aws:EpochTime': Math.floor(now / 1000),
      'aws:ViaAWSService': false,
    };
  }
}

/** Everything here belongs to the account, but what is AWS's own. */
function resourceKeys(resource: string, accountId: string): ContextEntries {
  const owner = resource.split(':')[4] || accountId;
  return owner === 'aws' ? {} : { 'aws:ResourceAccount': owner, 's3:ResourceAccount': owner };
}

/** AWS's sentence (spec: quotas-and-errors section 3, rayito Q90). */
export function accessDenied(
  principalArn: string,
  { action, resource }: Access,
  decision: Exclude<Decision, 'allow'>,
): ServiceError {
  const why =
    decision === 'explicitDeny'
      ? 'with an explicit deny in an identity-based policy'
      : `because no identity-based policy allows the ${action} action`;
  return new ServiceError(
    'AccessDenied',
    `User: ${principalArn} is not authorized to perform: ${action} on resource: ${resource} ${why}`,
  );
}
