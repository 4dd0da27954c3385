import type { Store } from '../store/store.ts';
import type { TransitionKind, TransitionOwner } from '../store/transitions.ts';

/** Something that has states, as its history names it. */
export interface Subject {
  kind: TransitionKind;
  id: string;
}

/**
 * Writes down that `subject` changed its state, why (a sentence for people), and when. Call it while the record of the
 * subject is there: what the history says about it has to outlive it.
 */
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
    ...ownerOf(store, subject),
  });
}

function ownerOf(store: Store, { kind, id }: Subject): TransitionOwner {
  switch (kind) {
    case 'microvm': {
      const { account, region, imageArn, number } = known(store.microvms.get(id));
      return { account, region, resource: imageArn, number };
    }
    case 'connector': {
      const { account, region, arn } = known(store.connectors.byId(id));
      return { account, region, resource: arn, number: null };
    }
    case 'build': {
      const { imageId, number } = known(store.builds.get(id));
      return ofImage(store, imageId, number);
    }
    case 'version': {
      const [imageId = '', number] = id.split('/');
      return ofImage(store, imageId, Number(number));
    }
    default:
      return ofImage(store, id, null);
  }
}

function ofImage(store: Store, imageId: string, number: number | null): TransitionOwner {
  const { account, region, arn } = known(store.images.byId(imageId));
  return { account, region, resource: arn, number };
}

function known<Row>(row: Row | undefined): Row {
  if (row === undefined)
    throw new Error('history is written before its subject is recorded, or after it is gone');
  return row;
}
