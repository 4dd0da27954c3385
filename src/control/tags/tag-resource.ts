import type { Operation } from '../context.ts';
import { checkTags } from './check-tags.ts';
import { findTaggable } from './find-taggable.ts';

/** TagResource: adds and replaces; no state, version or time of the resource changes. */
export const tagResource: Operation<'TagResource'> = ({ store }, { Resource, Tags }, caller) => {
  findTaggable(store, caller, Resource);
  checkTags(Tags);
  store.transaction(() => {
    checkTags({ ...store.tags.of(Resource), ...Tags });
    store.tags.put(Resource, Tags);
  });
  return {};
};
