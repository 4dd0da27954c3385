import type { Operation } from '../context.ts';
import { findTaggable } from './find-taggable.ts';

/** ListTags */
export const listTags: Operation<'ListTags'> = ({ store }, { Resource }, caller) => {
  findTaggable(store, caller, Resource);
  return { Tags: store.tags.of(Resource) };
};
