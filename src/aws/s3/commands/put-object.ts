import { checksumHeaders, readAttributes } from '../attributes.ts';
import { writeCondition } from '../conditions.ts';
import type { S3Command } from '../s3-request.ts';

export const putObject: S3Command = async (request) => {
  const { incoming, store, bucket, key } = request;
  store.bucket(bucket);
  const attributes = readAttributes(incoming);
  const upload = request.upload();
  const condition = writeCondition(incoming);
  const info = await store.putObject(bucket, key, upload.body, {
    describe: (written) => {
      const checksum = upload.verify(written);
      return { ...attributes, ...(checksum && { checksum }) };
    },
    ...(condition && { condition }),
  });
  return { status: 200, headers: { etag: `"${info.etag}"`, ...checksumHeaders(info) } };
};
