import { CommandRefused } from '../../control/host.ts';
import { GuestGone, GuestOutdated, GuestRequestFailed } from '../../guest/guest-connection.ts';

/** What the guest agent said to a command, in words for whoever asked. */
export function toRefusal(error: unknown): unknown {
  if (error instanceof GuestOutdated) {
    const why = 'The image version was built by an older squib, whose guest agent runs no commands.';
    return new CommandRefused('impossible', `${why} Build a new version of the image.`, { cause: error });
  }
  if (error instanceof GuestRequestFailed || error instanceof GuestGone) {
    return new CommandRefused('impossible', `The MicroVM did not take it: ${error.message}.`, {
      cause: error,
    });
  }
  if (error instanceof RangeError) return new CommandRefused('invalid', error.message, { cause: error });
  return error;
}
