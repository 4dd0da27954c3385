import { setTimeout as sleep } from 'node:timers/promises';
import { SquibError } from '../../errors/squib-error.ts';
import { findConnection } from '../api/connection.ts';
import { argument } from '../argument.ts';
import { command, connectionOptions } from '../command.ts';
import { findLog } from '../logs/find-log.ts';
import { lastEvents, newEvents } from '../logs/log-events.ts';
import { clockTime, moment } from '../time.ts';
import { UsageError } from '../usage-error.ts';

const pollMs = 400;

export const logs = command({
  summary: 'show what a MicroVM printed, or the log of a build',
  synopsis: ['logs ID [OPTIONS]', 'logs IMAGE[:VERSION] [OPTIONS]'],
  description: `Shows the end of what a MicroVM's container wrote to standard output and errors; of an image, the log of its newest build, or
of the build of VERSION. With --follow it goes on with new lines until Ctrl-C.`,
  options: {
    follow: { type: 'boolean', short: 'f', help: 'go on with new lines' },
    lines: { type: 'string', short: 'n', value: 'NUMBER', help: 'show so many lines (100)' },
    since: { type: 'string', value: 'TIME', help: 'show all lines since then: 10m, 8h, 2d, or ISO 8601' },
    timestamps: { type: 'boolean', short: 't', help: 'put the time before each line' },
    ...connectionOptions,
  },
  complete: ['microvm'],
  examples: ['squib logs -f 0a1b2c3d', 'squib logs --since 10m -t 0a1b2c3d', 'squib logs hello:2.0'],
  async run({ values, positionals }) {
    const text = argument(positionals, 'ID or IMAGE');
    const wanted = Number(values.lines ?? 100);
    if (!(Number.isInteger(wanted) && wanted >= 0)) throw new UsageError('--lines takes a number.');
    const since = values.since === undefined ? undefined : moment(values.since);
    const connection = findConnection(values);
    const print = ({ timestamp, message }: { timestamp: number; message: string }) =>
      console.log(values.timestamps ? `${clockTime(timestamp / 1000)}  ${message}` : message);
    const find = await findLog(connection, text);
    let place = await find();
    while (place === undefined && values.follow) {
      await sleep(pollMs);
      place = await find();
    }
    if (place === undefined) {
      throw new SquibError(`'${text}' has printed nothing yet.`, 'Add --follow to wait for its first line.');
    }
    const past = await lastEvents(connection, place, { wanted, since });
    for (const event of past.events) print(event);
    for (let token = past.next; values.follow; ) {
      await sleep(pollMs);
      const page = await newEvents(connection, place, token);
      for (const event of page.events) print(event);
      token = page.next;
    }
  },
});
