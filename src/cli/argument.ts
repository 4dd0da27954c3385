import { UsageError } from './usage-error.ts';

/** The one argument of a command. @throws UsageError when it is missing, or not the only one */
export function argument(positionals: readonly string[], name: string): string {
  const found = optionalArgument(positionals);
  if (found === undefined) throw new UsageError(`${name} is missing.`);
  return found;
}

/** The argument of a command that takes one at most. @throws UsageError for a second one */
export function optionalArgument([first, second]: readonly string[]): string | undefined {
  if (second !== undefined) throw new UsageError(`'${second}' is not understood.`);
  return first;
}
