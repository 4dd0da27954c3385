import type { Store } from '../store/store.ts';
import type { TransitionKind } from '../store/transitions.ts';

/** Something that has states, as its history names it. */
export interface Subject {
  kind: TransitionKind;
  id: string;
}

/** Writes down that `subject` changed its state, why (a sentence for people), and when. */
export function remember(
  store: Store,
  subject: Subject,
  change: { from: string | null; to: string; reason: string; at: number },
): void {
  store.transitions.add({
    kind: subject.kind,
    subject: subject.id,
    fromState: change.from,
    toState: change.to,
    reason: change.reason,
    at: change.at,
  });
}
