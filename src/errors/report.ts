import { SquibError } from './squib-error.ts';

/** Tells a person at a terminal what went wrong and what to do, then ends the process. */
export function reportAndExit(error: unknown): never {
  if (error instanceof SquibError) {
    console.error(`squib: ${error.message}`);
    console.error(`       ${error.remedy}`);
    process.exit(error.exitCode);
  } else if ((error as NodeJS.ErrnoException).code?.startsWith('ERR_PARSE_ARGS')) {
    console.error(`squib: ${(error as Error).message}`);
    process.exit(2);
  } else {
    console.error('squib: an error that should not happen:', error);
  }
  process.exit(1);
}
