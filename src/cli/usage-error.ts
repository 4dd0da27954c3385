import { SquibError } from '../errors/squib-error.ts';

/** The command line makes no sense; ends with code 2. */
export class UsageError extends SquibError {
  override readonly name = 'UsageError';
  override readonly exitCode = 2;
  constructor(message: string, options?: ErrorOptions) {
    super(message, `'squib help ${process.argv[2] ?? ''}' shows how it is used.`, options);
  }
}
