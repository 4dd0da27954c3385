/**
 * An error that a user can do something about. `message` says what happened, `remedy` what to do.
 * Only the front door turns it into an AWS error shape.
 */
export class SquibError extends Error {
  override readonly name: string = 'SquibError';
  readonly remedy: string;
  /** With which the command line ends. */
  readonly exitCode: number = 1;
  constructor(message: string, remedy: string, options?: ErrorOptions) {
    super(message, options);
    this.remedy = remedy;
  }
}
