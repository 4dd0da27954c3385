import type { Access } from '../access.ts';
import { evaluate } from '../policy/evaluate.ts';
import type { ContextEntries } from '../policy/request-context.ts';
import type { RoleBook } from './role-book.ts';
import type { SessionBook, SessionKeys } from './sessions.ts';

const lambda = 'lambda.amazonaws.com';

/** For whom a service takes a role on; conditions of trust policies ask for it. */
export interface Occasion {
  accountId: string;
  /** Value of `aws:SourceArn`, the image's ARN. */
  sourceArn?: string | undefined;
}

/**
 * What squib may do in the name of a role that a request passed to it. An ARN that no role here has is taken for a role
 * that may do everything (Decision R1): who never made roles in squib is not limited by them.
 */
export class ServiceRoles {
  readonly #roles: RoleBook;
  readonly #sessions: SessionBook;

  constructor(roles: RoleBook, sessions: SessionBook) {
    this.#roles = roles;
    this.#sessions = sessions;
  }

  /** Whether the role's trust policy lets a service take it on. */
  trusts(roleArn: string, { accountId, sourceArn }: Occasion, service = lambda): boolean {
    const role = this.#roles.roleByArn(roleArn);
    if (!role) return true;
    const context: ContextEntries = { 'aws:SourceAccount': accountId, 'aws:SourceArn': sourceArn };
    return this.#roles.rights(role).trust.decide({ service }, 'sts:AssumeRole', context) === 'allow';
  }

  /** Whether the role's policies allow something that squib is about to do for it. */
  allows(roleArn: string, { action, resource, context = {} }: Access): boolean {
    const role = this.#roles.roleByArn(roleArn);
    if (!role) return true;
    const { policies, limits } = this.#roles.rights(role);
    const request = { principalArn: roleArn, action, resource, context };
    return [policies, ...limits].every((group) => evaluate(group, request) === 'allow');
  }

  /**
   * Temporary keys of a role, for code that runs with it.
   * @param seconds how long they hold
   * @returns undefined for a role that squib does not have
   */
  keys(roleArn: string, sessionName: string, seconds: number): SessionKeys | undefined {
    const role = this.#roles.roleByArn(roleArn);
    return role && this.#sessions.forRole(role, sessionName, seconds);
  }
}
