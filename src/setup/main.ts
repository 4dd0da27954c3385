import { parseArgs } from 'node:util';
import { readConfig } from '../config/config.ts';
import { reportAndExit } from '../errors/report.ts';
import { setUp } from './set-up.ts';

const { values } = parseArgs({ options: { tests: { type: 'boolean', default: false } } });
await setUp(readConfig(), { tests: values.tests }, (line) => console.log(`squib: ${line}`)).catch(
  reportAndExit,
);
