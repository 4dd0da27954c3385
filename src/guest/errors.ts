/** The guest agent did something that the protocol forbids; the connection is closed. */
export class GuestProtocolError extends Error {
  override readonly name = 'GuestProtocolError';
}

/** The connection to the guest agent ended while something still needed it. */
export class GuestGone extends Error {
  override readonly name = 'GuestGone';
}

/** The guest agent could not do what it was asked for; `message` has its reason. */
export class GuestRequestFailed extends Error {
  override readonly name = 'GuestRequestFailed';
}

/** Nobody listens on that port inside the MicroVM. */
export class GuestPortClosed extends Error {
  override readonly name = 'GuestPortClosed';
}

/** The other side of a stream gave it up: an application closed its connection hard, a shell was lost. */
export class GuestStreamReset extends Error {
  override readonly name = 'GuestStreamReset';
  readonly code = 'ECONNRESET';
}

/** The agent is that of an older squib and cannot do this. */
export class GuestOutdated extends Error {
  override readonly name = 'GuestOutdated';
}
