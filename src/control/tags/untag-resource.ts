import type { Operation } from '../context.ts';
import { findTaggable } from './find-taggable.ts';

/** UntagResource: keys that are not there are no error. */
export const untagResource: Operation<'UntagResource'> = ({ store }, { Resource, TagKeys }, caller) => {
  findTaggable(store, caller, Resource);
  store.transaction(() => store.tags.remove(Resource, TagKeys));
  return {};
};
