import { WireError } from '../protocol/wire-error.ts';
import type { SignatureError, SignatureProblem } from './signature-error.ts';

/** Names of the common errors; services with JSON append `Exception`, those with query protocol do not. */
const CODES: Record<SignatureProblem, { json: string; query: string }> = {
  missing: { json: 'MissingAuthenticationTokenException', query: 'MissingAuthenticationToken' },
  incomplete: { json: 'IncompleteSignatureException', query: 'IncompleteSignature' },
  unsupported: { json: 'IncompleteSignatureException', query: 'IncompleteSignature' },
  unknownKey: { json: 'UnrecognizedClientException', query: 'InvalidClientTokenId' },
  badToken: { json: 'UnrecognizedClientException', query: 'InvalidClientTokenId' },
  expiredToken: { json: 'ExpiredTokenException', query: 'ExpiredToken' },
  skewed: { json: 'InvalidSignatureException', query: 'SignatureDoesNotMatch' },
  expired: { json: 'InvalidSignatureException', query: 'SignatureDoesNotMatch' },
  wrongScope: { json: 'InvalidSignatureException', query: 'SignatureDoesNotMatch' },
  unsignedHeaders: { json: 'InvalidSignatureException', query: 'SignatureDoesNotMatch' },
  payloadMismatch: { json: 'InvalidSignatureException', query: 'SignatureDoesNotMatch' },
  mismatch: { json: 'InvalidSignatureException', query: 'SignatureDoesNotMatch' },
};

/** A request that is not authentic, in the words of every service but S3. */
export function toCommonError({ problem, message }: SignatureError, protocol: 'json' | 'query'): WireError {
  return new WireError(CODES[problem][protocol], 403, message);
}
