import type { Policy } from './policy/policy.ts';

/** Who a credential belongs to, as authorization sees it. */
export interface Identity {
  /** The account's root, whom no policy limits. */
  root: boolean;
  /** Identity-based policies; what none of them allows is denied. */
  policies: readonly Policy[];
  /** Groups of policies of which each must allow too: session policies, permissions boundaries. */
  limits?: readonly (readonly Policy[])[];
  /** Value of `aws:username`; absent for root and role sessions. */
  userName?: string;
}

/** Undefined for a credential that is gone or disabled: everything is denied then. */
export type FindIdentity = (accessKeyId: string) => Identity | undefined;
