export type SignatureProblem =
  /** No signature at all. */
  | 'missing'
  /** A signature that cannot be read or lacks a part. */
  | 'incomplete'
  /** A signature scheme that squib does not verify. */
  | 'unsupported'
  /** Nobody has that access key. */
  | 'unknownKey'
  /** Wrong session token. */
  | 'badToken'
  /** The temporary credential has expired. */
  | 'expiredToken'
  /** Clocks differ too much. */
  | 'skewed'
  /** The presigned URL has expired. */
  | 'expired'
  /** The signature belongs to another service, day or terminator. */
  | 'wrongScope'
  /** Headers that matter were not signed. */
  | 'unsignedHeaders'
  /** The body is not the one that was signed. */
  | 'payloadMismatch'
  /** Signature V4 says no. */
  | 'mismatch';

/** Why a request is not authentic. Every service's front door has its own words for each problem. */
export class SignatureError extends Error {
  override readonly name = 'SignatureError';
  readonly problem: SignatureProblem;
  constructor(problem: SignatureProblem, message: string) {
    super(message);
    this.problem = problem;
  }
}
