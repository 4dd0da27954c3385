import { ServiceError } from '../../../errors/service-error.ts';
import { elements, textOf, type XmlValue } from '../../protocol/xml.ts';
import { writeCondition } from '../conditions.ts';
import { s3Error } from '../s3-error.ts';
import { type S3Command, xmlAnswer } from '../s3-request.ts';

/** Most keys of one DeleteObjects. */
const MOST_KEYS = 1000;

export const deleteObject: S3Command = async ({ store, bucket, key, incoming }) => {
  await store.deleteObject(bucket, key, writeCondition(incoming));
  return { status: 204 };
};

export const deleteObjects: S3Command = async ({ store, bucket, xml, checkKey }) => {
  store.bucket(bucket);
  const document = await xml('Delete');
  const quiet = textOf(document, 'Quiet') === 'true';
  const objects = elements(document, 'Object');
  const keys = objects.map((entry) => textOf(entry, 'Key'));
  if (keys.length === 0 || keys.length > MOST_KEYS || keys.some((key) => key === undefined || key === '')) {
    throw s3Error(
      'MalformedXML',
      'The XML you provided was not well-formed or did not validate against our published schema',
    );
  }
  const deleted: XmlValue[] = [];
  const refused: XmlValue[] = [];
  for (const key of keys as string[]) {
    try {
      checkKey(key);
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      refused.push({ Key: key, Code: 'AccessDenied', Message: error.message });
      continue;
    }
    await store.deleteObject(bucket, key);
    deleted.push({ Key: key });
  }
  return xmlAnswer('DeleteResult', { ...(!quiet && { Deleted: deleted }), Error: refused });
};
