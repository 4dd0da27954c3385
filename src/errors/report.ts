import { SquibError } from './squib-error.ts';

/** Tells a person at a terminal what went wrong and what to do, then ends the process with code 1. */
export function reportAndExit(error: unknown): never {
  if (error instanceof SquibError) {
    console.error(`squib: ${error.message}`);
    console.error(`       ${error.remedy}`);
  } else {
    console.error('squib: an error that should not happen:', error);
  }
  process.exit(1);
}
