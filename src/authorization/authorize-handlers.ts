import type { Caller } from '../aws/caller.ts';
import type { AccessRule } from './actions.ts';
import type { Authorizer } from './authorizer.ts';
import type { Facts } from './facts.ts';

type Handler = (input: never, caller: Caller) => Promise<unknown>;

/**
 * The same handlers, each behind its check. Called with input that agrees with the model and before any rule looks at
 * what exists: so a foreign ARN is answered 403, not 404 (decision C4).
 *
 * @throws TypeError when a handler has no rule: an operation without authorization must not be served.
 */
export function authorizeHandlers<All extends { [Name in keyof All]: Handler }>(
  handlers: All,
  rules: { readonly [Name in keyof All]: AccessRule<never> },
  { authorizer, facts }: { authorizer: Authorizer; facts: Facts },
): All {
  const entries = Object.entries<Handler>(handlers).map(([name, handle]) => {
    const rule = (rules as Record<string, AccessRule<never> | undefined>)[name];
    if (rule === undefined) throw new TypeError(`There is no rule of authorization for ${name}.`);
    const guarded: Handler = async (input, caller) => {
      // Facts cost look-ups, which nobody needs to make for the root.
      if (!authorizer.isRoot(caller)) authorizer.check(caller, rule(input, caller, facts));
      return handle(input, caller);
    };
    return [name, guarded] as const;
  });
  return Object.fromEntries(entries) as All;
}
