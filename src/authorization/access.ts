import type { ContextEntries } from './policy/request-context.ts';

/** One permission that an operation asks for; an operation needs all of its accesses. */
export interface Access {
  /** For example `lambda:RunMicrovm`. */
  action: string;
  /** ARN, or `*`. */
  resource: string;
  /** Condition keys that belong to this access alone; those of the caller and the request are added. */
  context?: ContextEntries;
}

/** `aws:ResourceTag/<key>` for the tags that the resource carries. */
export function resourceTags(tags: Readonly<Record<string, string>>): ContextEntries {
  return Object.fromEntries(Object.entries(tags).map(([key, value]) => [`aws:ResourceTag/${key}`, value]));
}

/** `aws:RequestTag/<key>` and `aws:TagKeys` for the tags that the request wants to set. */
export function requestTags(tags: Readonly<Record<string, string>> | undefined): ContextEntries {
  if (tags === undefined) return {};
  const entries = Object.entries(tags).map(([key, value]) => [`aws:RequestTag/${key}`, value]);
  return { ...Object.fromEntries(entries), 'aws:TagKeys': Object.keys(tags) };
}
