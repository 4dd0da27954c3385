import { type KeyObject, timingSafeEqual } from 'node:crypto';
import { canonicalPaths, canonicalRequest, stringToSign } from './canonical.ts';
import type { Credential } from './credential.ts';
import { SignatureError } from './signature-error.ts';
import { type SigningKeys, signatureOf } from './signing-key.ts';
import type { SignableRequest, SignatureParameters } from './types.ts';

export interface VerifyOptions {
  credential: Credential;
  keys: SigningKeys;
  /** Epoch milliseconds. */
  now: number;
  /** How far the clocks may differ, in seconds. */
  skewSeconds: number;
  /** Signing name that the scope must have. */
  service: string;
  /** Hash (or marker such as `UNSIGNED-PAYLOAD`) that stands in the canonical request. */
  payloadHash: string;
}

export interface VerifiedSignature {
  /** Signs the chunks of a streamed body. */
  signingKey: KeyObject;
}

export function constantTimeEqual(a: string, b: string): boolean {
  const [left, right] = [Buffer.from(a), Buffer.from(b)];
  return left.length === right.length && timingSafeEqual(left, right);
}

/** @returns epoch milliseconds of `YYYYMMDDTHHMMSSZ` */
function epoch(timestamp: string): number {
  const [, year, month, day, hour, minute, second] = /^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/.exec(
    timestamp,
  )!;
  return Date.UTC(Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second));
}

function basic(milliseconds: number): string {
  return `${new Date(milliseconds).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

function checkTime(parameters: SignatureParameters, { now, skewSeconds }: VerifyOptions): void {
  const { timestamp, date, expiresIn } = parameters;
  if (!timestamp.startsWith(date)) {
    throw new SignatureError(
      'wrongScope',
      `Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '${date}' != '${timestamp.slice(0, 8)}', from '${timestamp}'.`,
    );
  }
  const signedAt = epoch(timestamp);
  const skew = skewSeconds * 1000;
  const minutes = skewSeconds / 60;
  if (signedAt > now + skew) {
    throw new SignatureError(
      'skewed',
      `Signature not yet current: ${timestamp} is still later than ${basic(now + skew)} (${basic(now)} + ${minutes} min.)`,
    );
  }
  if (expiresIn !== undefined) {
    if (signedAt + expiresIn * 1000 < now) throw new SignatureError('expired', 'Request has expired');
  } else if (signedAt < now - skew) {
    throw new SignatureError(
      'skewed',
      `Signature expired: ${timestamp} is now earlier than ${basic(now - skew)} (${basic(now)} - ${minutes} min.)`,
    );
  }
}

function checkToken({ sessionToken }: SignatureParameters, { credential, now }: VerifyOptions): void {
  const expected = credential.sessionToken;
  if ((expected === undefined) !== (sessionToken === undefined)) {
    throw new SignatureError('badToken', 'The security token included in the request is invalid.');
  }
  if (expected !== undefined && !constantTimeEqual(expected, sessionToken!)) {
    throw new SignatureError('badToken', 'The security token included in the request is invalid.');
  }
  if (credential.expiresAt !== undefined && credential.expiresAt <= now) {
    throw new SignatureError('expiredToken', 'The security token included in the request is expired');
  }
}

/** Headers that change what a request means must be under the signature. */
function checkSignedHeaders(request: SignableRequest, { signedHeaders }: SignatureParameters): void {
  if (!signedHeaders.includes('host')) {
    throw new SignatureError(
      'unsignedHeaders',
      "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.",
    );
  }
  for (const name of request.headerNames) {
    if (name.startsWith('x-amz-') && !signedHeaders.includes(name)) {
      throw new SignatureError(
        'unsignedHeaders',
        `There were headers present in the request which were not signed: ${name}`,
      );
    }
  }
}

/**
 * Signature V4 without any HTTP: decides whether `request` was signed by the owner of `credential`.
 * @throws SignatureError
 */
export function verifySignature(
  request: SignableRequest,
  parameters: SignatureParameters,
  options: VerifyOptions,
): VerifiedSignature {
  if (parameters.service !== options.service) {
    throw new SignatureError(
      'wrongScope',
      `Credential should be scoped to correct service: '${options.service}'.`,
    );
  }
  checkTime(parameters, options);
  checkSignedHeaders(request, parameters);
  const signingKey = options.keys.derive(options.credential.secretAccessKey, parameters);
  const authentic = canonicalPaths(request.path, parameters.service).some((path) => {
    const canonical = canonicalRequest(request, parameters, path, options.payloadHash);
    const expected = signatureOf(signingKey, stringToSign(parameters, canonical));
    return constantTimeEqual(expected, parameters.signature);
  });
  if (!authentic) {
    throw new SignatureError(
      'mismatch',
      'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.',
    );
  }
  // After the signature, so that nobody learns about tokens without the secret.
  checkToken(parameters, options);
  return { signingKey };
}
