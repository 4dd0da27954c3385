import { ServiceError } from '../../errors/service-error.ts';
import { ObjectStoreError } from '../../store/object-errors.ts';
import { BodyIncomplete, BodyTooLarge } from '../http/read-body.ts';
import { WireError } from '../protocol/wire-error.ts';
import { MalformedXml } from '../protocol/xml.ts';
import { MalformedChunks } from '../sigv4/aws-chunked.ts';
import { SignatureError, type SignatureProblem } from '../sigv4/signature-error.ts';

/** Statuses of S3's error codes, as AWS lists them. */
const STATUS: Record<string, number> = {
  AccessControlListNotSupported: 400,
  AccessDenied: 403,
  AuthorizationHeaderMalformed: 400,
  AuthorizationQueryParametersError: 400,
  BadDigest: 400,
  BucketAlreadyOwnedByYou: 409,
  BucketNotEmpty: 409,
  EntityTooLarge: 400,
  EntityTooSmall: 400,
  ExpiredToken: 400,
  IncompleteBody: 400,
  InternalError: 500,
  InvalidAccessKeyId: 403,
  InvalidArgument: 400,
  InvalidBucketName: 400,
  InvalidDigest: 400,
  InvalidPart: 400,
  InvalidPartOrder: 400,
  InvalidRange: 416,
  InvalidRequest: 400,
  InvalidToken: 400,
  KeyTooLongError: 400,
  MalformedXML: 400,
  MetadataTooLarge: 400,
  MethodNotAllowed: 405,
  MissingContentLength: 411,
  NoSuchBucket: 404,
  NoSuchBucketPolicy: 404,
  NoSuchCORSConfiguration: 404,
  NoSuchKey: 404,
  NoSuchLifecycleConfiguration: 404,
  NoSuchTagSet: 404,
  NoSuchUpload: 404,
  NoSuchVersion: 404,
  NoSuchWebsiteConfiguration: 404,
  NotImplemented: 501,
  ObjectLockConfigurationNotFoundError: 404,
  PreconditionFailed: 412,
  ReplicationConfigurationNotFoundError: 404,
  RequestTimeTooSkewed: 403,
  RequestTimeout: 400,
  ServiceUnavailable: 503,
  SignatureDoesNotMatch: 403,
  XAmzContentSHA256Mismatch: 400,
};

/** An error of S3 by its code. @param members further elements of the body */
export function s3Error(code: string, message: string, members?: Record<string, string>): WireError {
  return new WireError(code, STATUS[code] ?? 400, message, members ? { members } : {});
}

const SIGNATURE_CODES: Record<SignatureProblem, string> = {
  missing: 'AccessDenied',
  incomplete: 'AuthorizationHeaderMalformed',
  unsupported: 'InvalidRequest',
  unknownKey: 'InvalidAccessKeyId',
  badToken: 'InvalidToken',
  expiredToken: 'ExpiredToken',
  skewed: 'RequestTimeTooSkewed',
  expired: 'AccessDenied',
  wrongScope: 'AuthorizationHeaderMalformed',
  unsignedHeaders: 'AccessDenied',
  payloadMismatch: 'XAmzContentSHA256Mismatch',
  mismatch: 'SignatureDoesNotMatch',
};

const SIGNATURE_MESSAGES: Partial<Record<SignatureProblem, string>> = {
  missing: 'Access Denied',
  unknownKey: 'The AWS Access Key Id you provided does not exist in our records.',
  badToken: 'The provided token is malformed or otherwise invalid.',
  expiredToken: 'The provided token has expired.',
  skewed: 'The difference between the request time and the current time is too large.',
  mismatch:
    'The request signature we calculated does not match the signature you provided. Check your key and signing method.',
};

/** Whatever went wrong, in S3's words; undefined for what nobody expected. */
export function toS3Error(error: unknown): WireError | undefined {
  if (error instanceof ServiceError && error.code === 'AccessDenied')
    return s3Error('AccessDenied', error.message);
  if (error instanceof WireError) {
    if (error.code !== 'SerializationException') return error;
    return s3Error('InvalidURI', "Couldn't parse the specified URI.");
  }
  if (error instanceof SignatureError) {
    return s3Error(SIGNATURE_CODES[error.problem], SIGNATURE_MESSAGES[error.problem] ?? error.message);
  }
  if (error instanceof ObjectStoreError) {
    const { code, message, ...members } = error as ObjectStoreError & { bucket?: string; key?: string };
    return s3Error(code, message, {
      ...(members.key !== undefined && { Key: members.key }),
      ...(members.key === undefined && members.bucket !== undefined && { BucketName: members.bucket }),
    });
  }
  if (error instanceof MalformedXml) {
    return s3Error(
      'MalformedXML',
      'The XML you provided was not well-formed or did not validate against our published schema',
    );
  }
  if (error instanceof MalformedChunks) {
    return s3Error('IncompleteBody', `The request body cannot be read: ${error.message}`);
  }
  if (error instanceof BodyTooLarge)
    return s3Error('EntityTooLarge', 'The XML of your request is larger than allowed');
  if (error instanceof BodyIncomplete) {
    return s3Error(
      'RequestTimeout',
      'Your socket connection to the server was not read from or written to within the timeout period.',
    );
  }
  return undefined;
}
