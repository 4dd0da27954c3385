import { callSquib } from '../api/call.ts';
import { findConnection } from '../api/connection.ts';
import { command, connectionOptions } from '../command.ts';

export const console_ = command({
  summary: 'print a link that opens the web console',
  synopsis: ['console'],
  description: `The link signs one browser in as whoever asked for it, with that key's rights. It works once, within five minutes; the
session ends after twelve hours, or one hour without use.`,
  options: { ...connectionOptions },
  examples: ['sudo squib console'],
  async run({ values }) {
    const connection = findConnection(values);
    const { path } = await callSquib(connection, 'CreateConsoleLink', {});
    console.log(new URL(path, connection.endpoint).href);
    if (process.stdout.isTTY) console.error('Open it within five minutes; it works once.');
  },
});
