import type { Documents } from '../../store/documents.ts';
import type { ManagedPolicy, Role } from '../../store/role-records.ts';
import { type Policy, parsePolicy } from '../policy/policy.ts';
import { awsManagedPolicy } from './aws-managed-policies.ts';
import { parseTrustPolicy, type TrustPolicy } from './trust-policy.ts';

/** A role's policies, parsed. */
export interface RoleRights {
  trust: TrustPolicy;
  policies: readonly Policy[];
  /** What the permissions boundary allows at most. */
  limits: readonly (readonly Policy[])[];
}

const byName = (a: { name: string }, b: { name: string }) => (a.name < b.name ? -1 : 1);

/**
 * All roles and managed policies of this squib. It is the only writer of their tables, so everything is answered from
 * memory; changes hold from the next request on. Documents are checked before they get here.
 */
export class RoleBook {
  readonly #rows: { roles: Documents<Role>; managedPolicies: Documents<ManagedPolicy> };
  readonly #roles = new Map<string, Role>();
  readonly #policies = new Map<string, ManagedPolicy>();
  readonly #rights = new Map<string, RoleRights>();

  constructor(rows: { roles: Documents<Role>; managedPolicies: Documents<ManagedPolicy> }) {
    this.#rows = rows;
    for (const role of rows.roles.all()) this.#roles.set(role.name, role);
    for (const policy of rows.managedPolicies.all()) this.#policies.set(policy.arn, policy);
  }

  role(name: string): Role | undefined {
    return this.#roles.get(name);
  }
  roleByArn(arn: string): Role | undefined {
    const role = this.#roles.get(arn.slice(arn.lastIndexOf('/') + 1));
    return role?.arn === arn ? role : undefined;
  }
  /** Sorted by name. */
  roles(): Role[] {
    return [...this.#roles.values()].sort(byName);
  }
  putRole(role: Role): void {
    this.#rows.roles.put(role.name, role);
    this.#roles.set(role.name, role);
    this.#rights.delete(role.name);
  }
  removeRole(name: string): void {
    this.#rows.roles.remove(name);
    this.#roles.delete(name);
    this.#rights.delete(name);
  }

  policy(arn: string): ManagedPolicy | undefined {
    return this.#policies.get(arn);
  }
  /** Sorted by name. */
  policies(): ManagedPolicy[] {
    return [...this.#policies.values()].sort(byName);
  }
  putPolicy(policy: ManagedPolicy): void {
    this.#rows.managedPolicies.put(policy.arn, policy);
    this.#policies.set(policy.arn, policy);
    this.#rights.clear();
  }
  removePolicy(arn: string): void {
    this.#rows.managedPolicies.remove(arn);
    this.#policies.delete(arn);
    this.#rights.clear();
  }
  /** The document that a managed policy has now; undefined when there is no such policy. */
  documentOf(policyArn: string): string | undefined {
    const policy = this.#policies.get(policyArn);
    return policy ? policy.versions[policy.defaultVersion]?.document : awsManagedPolicy(policyArn);
  }
  attachments(policyArn: string): number {
    return this.roles().filter((role) => role.attached.includes(policyArn)).length;
  }

  rights(role: Role): RoleRights {
    const known = this.#rights.get(role.name);
    if (known) return known;
    const attached = role.attached.flatMap((arn) => this.documentOf(arn) ?? []);
    const boundary = role.permissionsBoundary && this.documentOf(role.permissionsBoundary);
    const rights: RoleRights = {
      trust: parseTrustPolicy(role.trustPolicy),
      policies: [...Object.values(role.inline), ...attached].map(parsePolicy),
      limits: boundary ? [[parsePolicy(boundary)]] : [],
    };
    this.#rights.set(role.name, rights);
    return rights;
  }
}
