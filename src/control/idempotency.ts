import { createHash } from 'node:crypto';
import { deserialize, serialize } from 'node:v8';
import type { Caller } from '../aws/caller.ts';
import type { Store } from '../store/store.ts';
import { clientTokenReused } from './errors.ts';

/** An answer, and whether this call made it (so that only then the work behind it is started). */
export interface Once<Answer> {
  answer: Answer;
  fresh: boolean;
}

/**
 * Answers a request that may carry a client token: the first time by `work`, committed together with the token;
 * later with the stored answer (spec: control-plane 1.3).
 * `work` only changes the store; whatever acts outside it is started by the caller when `fresh`.
 *
 * Decision C5: a token counts per account, Region and operation. Decision C7: it is kept without end.
 */
export function once<Answer>(
  { store, now }: { store: Store; now: number },
  caller: Caller,
  operation: string,
  request: { token: string | undefined; input: object },
  work: () => Answer,
): Once<Answer> {
  const { token, input } = request;
  if (token === undefined) return { answer: store.transaction(work), fresh: true };
  const scope = { account: caller.accountId, region: caller.region, operation, token };
  const digest = createHash('sha256').update(canonical(input)).digest('hex');
  return store.transaction(() => {
    const known = store.clientTokens.get(scope);
    if (known !== undefined) {
      // Decision C6: the same token with another request is a conflict.
      if (known.request !== digest) throw clientTokenReused(token);
      return { answer: deserialize(known.answer) as Answer, fresh: false };
    }
    const answer = work();
    store.clientTokens.insert(scope, { request: digest, answer: serialize(answer) }, now);
    return { answer, fresh: true };
  });
}

/** The same text for the same request, whatever the order of members; the token itself does not count. */
function canonical(input: object): string {
  const request = { ...input, clientToken: undefined, ClientToken: undefined };
  return JSON.stringify(request, (_key, member: unknown) => {
    if (member === null || typeof member !== 'object' || Array.isArray(member)) return member;
    return Object.fromEntries(Object.entries(member).sort(([a], [b]) => (a < b ? -1 : 1)));
  });
}
