/**
 * An error as an AWS client sees it: code, status, message. Each protocol renders it in its own format.
 * `members` are further fields of the body (JSON members, XML elements).
 */
export class WireError extends Error {
  override readonly name = 'WireError';
  readonly code: string;
  readonly status: number;
  readonly members: Record<string, unknown> | undefined;
  readonly headers: Record<string, string> | undefined;
  constructor(
    code: string,
    status: number,
    message: string,
    details: { members?: Record<string, unknown>; headers?: Record<string, string>; cause?: unknown } = {},
  ) {
    super(message, { cause: details.cause });
    this.code = code;
    this.status = status;
    this.members = details.members;
    this.headers = details.headers;
  }
}

/** A value of the wrong JSON type (spec: control-plane 1, "Unknown request members": body key is `Message`). */
export function serializationError(message: string): WireError {
  return new WireError('SerializationException', 400, message, { members: { Message: message } });
}

/** What cannot be parsed at all (spec: control-plane 1, "Unparseable request"). */
export function unparseable(reason: string): WireError {
  return new WireError('SerializationException', 400, reason, { members: { message: null } });
}
