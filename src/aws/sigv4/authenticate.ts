import { hash, type KeyObject } from 'node:crypto';
import type { Caller } from '../caller.ts';
import type { Incoming } from '../http/incoming.ts';
import type { Credential, FindCredential } from './credential.ts';
import { parseSignature } from './parse-signature.ts';
import { SignatureError } from './signature-error.ts';
import { SigningKeys } from './signing-key.ts';
import type { SignatureParameters } from './types.ts';
import { verifySignature } from './verify.ts';

const UNSIGNED = 'UNSIGNED-PAYLOAD';
const EMPTY_HASH = hash('sha256', '');
/** AWS's tolerance for most services. */
const SKEW_SECONDS = 300;
/** S3's. */
const S3_SKEW_SECONDS = 900;

export interface Authenticated {
  caller: Caller;
  /** For the signatures of a streamed body's chunks; a session of the web console signs none. */
  signingKey: KeyObject | undefined;
}

/** Ties Signature V4 to the credentials that squib knows. */
export class Authenticator {
  readonly #findCredential: FindCredential;
  readonly #clock: () => number;
  readonly #keys = new SigningKeys();

  /** @param clock epoch milliseconds */
  constructor(findCredential: FindCredential, clock: () => number) {
    this.#findCredential = findCredential;
    this.#clock = clock;
  }

  /**
   * @param service signing name that the request must be scoped to
   * @param payloadHash as it stands in the canonical request
   * @throws SignatureError
   */
  authenticate(
    request: Incoming,
    parameters: SignatureParameters | undefined,
    service: string,
    payloadHash: string,
  ): Authenticated {
    const { session } = request;
    if (session) {
      return { caller: callerOf(session.credential, session.region, request), signingKey: undefined };
    }
    if (!parameters) throw new SignatureError('missing', 'Missing Authentication Token');
    const credential = this.#findCredential(parameters.accessKeyId);
    if (!credential) {
      throw new SignatureError('unknownKey', 'The security token included in the request is invalid.');
    }
    const { signingKey } = verifySignature(request, parameters, {
      credential,
      keys: this.#keys,
      now: this.#clock(),
      skewSeconds: service === 's3' ? S3_SKEW_SECONDS : SKEW_SECONDS,
      service,
      payloadHash,
    });
    return { caller: callerOf(credential, parameters.region, request), signingKey };
  }

  /** For bodies of any length, which the signature leaves out: their header says `UNSIGNED-PAYLOAD`. */
  authenticateHead(request: Incoming, service: string): Authenticated {
    if (!request.session && request.header('x-amz-content-sha256') !== UNSIGNED) {
      throw new SignatureError('payloadMismatch', `The header 'x-amz-content-sha256' must be '${UNSIGNED}'.`);
    }
    return this.authenticate(request, parseSignature(request), service, UNSIGNED);
  }

  /** For services with small bodies: the body is in memory and its hash is part of the signature. */
  authenticateWhole(request: Incoming, body: Buffer, service: string): Authenticated {
    const parameters = parseSignature(request);
    const actual = body.length === 0 ? EMPTY_HASH : hash('sha256', body);
    const claimed = request.header('x-amz-content-sha256');
    // Also refuses `UNSIGNED-PAYLOAD`, which is for bodies of any length.
    if (claimed !== undefined && claimed !== actual) {
      throw new SignatureError(
        'payloadMismatch',
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
      );
    }
    return this.authenticate(request, parameters, service, actual);
  }
}

/** The caller that the rules see. */
export function callerOf(credential: Credential, region: string, request: Incoming): Caller {
  const { accountId, accessKeyId, arn, userId } = credential;
  return {
    accountId,
    accessKeyId,
    arn,
    userId,
    region,
    requestId: request.requestId,
    sourceIp: request.message.socket.remoteAddress,
    userAgent: request.header('user-agent'),
  };
}
