import { type S3Command, xmlAnswer } from '../s3-request.ts';
import { MOST_OBJECT_TAGS, readTags, tagSet } from '../tags.ts';

export const getObjectTagging: S3Command = ({ store, bucket, key }) =>
  xmlAnswer('Tagging', tagSet(store.headObject(bucket, key).attributes.tags ?? {}));

export const putObjectTagging: S3Command = async ({ store, bucket, key, xml }) => {
  store.headObject(bucket, key);
  const tags = readTags(await xml('Tagging'), MOST_OBJECT_TAGS);
  store.changeAttributes(bucket, key, (attributes) => ({ ...attributes, tags }));
  return { status: 200 };
};

export const deleteObjectTagging: S3Command = ({ store, bucket, key }) => {
  store.changeAttributes(bucket, key, ({ tags: _, ...attributes }) => attributes);
  return { status: 204 };
};
