import type { ObjectStore } from '../../store/object-store.ts';
import type { Caller } from '../caller.ts';
import type { Answer } from '../http/answer.ts';
import type { Incoming } from '../http/incoming.ts';
import { writeXml, type XmlNode, type XmlValue } from '../protocol/xml.ts';
import type { Upload } from './upload.ts';

/** An authenticated request to S3, target decoded. */
export interface S3Request {
  incoming: Incoming;
  caller: Caller;
  store: ObjectStore;
  /** Empty for requests about the service as a whole. */
  bucket: string;
  /** Empty for requests about a bucket. */
  key: string;
  query: ReadonlyMap<string, string>;
  /** The body as a stream, checked against everything that the request says about it. */
  upload(): Upload;
  /** Asks for the operation's permission on further keys. @throws ServiceError `AccessDenied` */
  checkKey(key: string): void;
  /** A small body as text, checked like an object's. */
  text(): Promise<string>;
  /** The same as XML, of that root element. */
  xml(root: string): Promise<XmlNode>;
}

export type S3Command = (request: S3Request) => Promise<Answer> | Answer;

export const XML_NAMESPACE = 'http://s3.amazonaws.com/doc/2006-03-01/';

export function xmlAnswer(
  root: string,
  value: { [name: string]: XmlValue },
  headers: Record<string, string> = {},
): Answer {
  return {
    status: 200,
    headers: { 'content-type': 'application/xml', ...headers },
    body: writeXml(root, value, XML_NAMESPACE),
  };
}

/** `2026-01-01T00:00:00.000Z` */
export function isoTime(epochMilliseconds: number): string {
  return new Date(epochMilliseconds).toISOString();
}
