import type { Operation } from '../context.ts';
import { findImage } from './find-image.ts';
import { imageSummary } from './image-view.ts';

/** GetMicrovmImage: a summary; what the image is made of stands at its versions. */
export const getImage: Operation<'GetMicrovmImage'> = ({ store }, { imageIdentifier }, caller) => {
  const image = findImage(store, caller, imageIdentifier);
  return { ...imageSummary(image), tags: store.tags.of(image.arn), updatedAt: new Date(image.updatedAt) };
};
