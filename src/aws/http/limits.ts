import { WireError } from '../protocol/wire-error.ts';
import { BodyIncomplete, type BodyLimits, BodyTooLarge } from './read-body.ts';

/** For every service whose requests fit into memory. */
export const SMALL_BODY: BodyLimits = { maxBytes: 1024 * 1024, timeoutMs: 30_000 };

/** A connection on which nothing moves for this long is closed. */
export const IDLE_TIMEOUT_MS = 120_000;

/** A body that is too large or does not come, as an AWS error; undefined for any other error. */
export function toBodyError(error: unknown, operation: string): WireError | undefined {
  if (error instanceof BodyTooLarge) {
    return new WireError(
      'RequestEntityTooLargeException',
      413,
      `Request must be smaller than ${SMALL_BODY.maxBytes} bytes for the ${operation} operation`,
    );
  }
  if (error instanceof BodyIncomplete) {
    return new WireError('RequestTimeoutException', 408, `The request is incomplete: ${error.message}.`);
  }
  return undefined;
}
