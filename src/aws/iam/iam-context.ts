import { parsePolicy } from '../../authorization/policy/policy.ts';
import { PolicyError } from '../../authorization/policy/policy-error.ts';
import type { RoleBook } from '../../authorization/roles/role-book.ts';
import { parseTrustPolicy } from '../../authorization/roles/trust-policy.ts';
import type { Role } from '../../store/role-records.ts';
import type { Input } from '../protocol/input.ts';
import { invalidInput, malformedPolicy, noSuchRole } from './iam-errors.ts';

/** What the operations of IAM work on. */
export interface IamContext {
  roles: RoleBook;
  accountId: string;
  partition: string;
  /** Epoch milliseconds. */
  now: () => number;
}

/** @throws WireError `NoSuchEntity` */
export function findRole({ roles }: IamContext, input: Input): Role {
  const name = input.required('RoleName');
  const role = roles.role(name);
  if (!role) throw noSuchRole(name);
  return role;
}

/** @throws WireError `MalformedPolicyDocument` for what squib could not enforce */
export function checkedPolicy(document: string, parse: typeof parsePolicy | typeof parseTrustPolicy): string {
  try {
    parse(document);
    return document;
  } catch (error) {
    if (error instanceof PolicyError) throw malformedPolicy(error);
    throw error;
  }
}

export const checkedIdentityPolicy = (document: string) => checkedPolicy(document, parsePolicy);
export const checkedTrustPolicy = (document: string) => checkedPolicy(document, parseTrustPolicy);

/** @throws WireError `ValidationError` */
export function checkedName(input: Input, member: string, longest: number): string {
  const name = input.required(member);
  if (!/^[\w+=,.@-]+$/.test(name) || name.length > longest) {
    throw invalidInput(
      `The specified value for ${member} is invalid. It must contain only alphanumeric characters and/or the ` +
        `following: +=,.@_- and have at most ${longest} of them.`,
    );
  }
  return name;
}

/** `/` where none is given. */
export function checkedPath(input: Input): string {
  const path = input.text('Path') ?? '/';
  if (!/^\/(?:[!-~]+\/)?$/.test(path)) throw invalidInput('The specified value for path is invalid.');
  return path;
}

/** Policy documents travel percent-encoded in answers. */
export const encoded = (document: string) =>
  encodeURIComponent(document).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

export const tagList = (tags: Record<string, string>) =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

/** A page of a list that is sorted by `keyOf`. */
export function page<T>(all: T[], input: Input, keyOf: (item: T) => string) {
  const after = input.text('Marker');
  const most = input.integer('MaxItems', { min: 1, max: 1000, otherwise: 100 });
  const left = after === undefined ? all : all.filter((item) => keyOf(item) > after);
  const items = left.slice(0, most);
  const last = items.at(-1);
  const more = left.length > most && last !== undefined;
  return { items, position: { IsTruncated: more, ...(more && { Marker: keyOf(last) }) } };
}
