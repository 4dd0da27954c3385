/** Writes docs/cli.md from the table of commands. Usage: node scripts/cli-reference.ts */
import { writeFileSync } from 'node:fs';
import { reference } from '../src/cli/reference.ts';

writeFileSync(new URL('../docs/cli.md', import.meta.url), await reference());
