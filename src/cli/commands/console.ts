import { parseArgs } from 'node:util';
import { callSquib } from '../api/call.ts';
import { findConnection } from '../api/connection.ts';
import type { Command } from '../command.ts';

export const console_: Command = {
  summary: 'print a link that opens the web console',
  usage: `squib console [--config FILE]

The link signs one browser in as whoever asked for it, with that key's rights. It works once, within five minutes; the
session ends after twelve hours, or one hour without use.

Example:
  sudo squib console`,
  async run(args) {
    const { values } = parseArgs({ args, options: { config: { type: 'string' } } });
    const connection = findConnection(values.config);
    const { path } = await callSquib(connection, 'CreateConsoleLink', {});
    console.log(new URL(path, connection.endpoint).href);
    if (process.stdout.isTTY) console.error('Open it within five minutes; it works once.');
  },
};
