import { setTimeout as sleep } from 'node:timers/promises';
import type { StateChangeEvent } from '../../control/events/event.ts';
import { SquibError } from '../../errors/squib-error.ts';
import { type Connection, findConnection } from '../api/connection.ts';
import { eventStream } from '../api/event-stream.ts';
import { findResource } from '../api/lookup.ts';
import { optionalArgument } from '../argument.ts';
import { command, connectionOptions } from '../command.ts';
import { eventLine, pastEvents } from '../events/event-lines.ts';
import { moment } from '../time.ts';
import { UsageError } from '../usage-error.ts';

/** How long squib may be away before a follower gives up, and how often it is asked. */
const patienceMs = 60_000;
const retryMs = 1000;

export const events = command({
  summary: 'show changes of state and why they came about, as they happen',
  synopsis: ['events [ID|IMAGE|CONNECTOR] [--follow] [--since TIME] [--lines NUMBER] [--json]'],
  description: `Shows the last changes of state of images, versions, builds, MicroVMs and connectors, each with its reason. Of an image it is
all that belongs to it. With --follow it goes on with each change as it happens, over restarts of squib, until Ctrl-C.
With --json each event is one line in the form of Amazon EventBridge.`,
  options: {
    follow: { type: 'boolean', short: 'f', help: 'go on with each change as it happens' },
    since: { type: 'string', value: 'TIME', help: 'show all since then: 10m, 8h, 2d, or ISO 8601' },
    lines: { type: 'string', short: 'n', value: 'NUMBER', help: 'show so many past ones (20)' },
    json: { type: 'boolean', help: 'print one line of JSON for each' },
    ...connectionOptions,
  },
  complete: ['microvm'],
  examples: [
    'squib events --follow',
    'squib events hello --since 1h',
    'squib events -f --json | jq .detail.reason',
  ],
  async run({ values, positionals }) {
    const text = optionalArgument(positionals);
    const limit = values.since === undefined ? Number(values.lines ?? 20) : Number.POSITIVE_INFINITY;
    if (!(limit >= 0)) throw new UsageError('--lines takes a number.');
    const from = values.since === undefined ? 0 : moment(values.since);
    const connection = findConnection(values);
    const resource = text === undefined ? undefined : await findResource(connection, text);
    const print = (event: StateChangeEvent) =>
      console.log(values.json ? JSON.stringify(event) : eventLine(event, resource));
    // The newest of all, so that nothing is missed between the list and the stream.
    const newest = values.follow ? (await pastEvents(connection, { limit: 1 }))[0]?.id : undefined;
    const past = await pastEvents(connection, { resource, limit, from });
    for (const event of past) print(event);
    if (values.follow) await follow(connection, resource, later(past.at(-1)?.id, newest), print);
  },
});

const later = (a = '0', b = '0') => (Number(a) > Number(b) ? a : b);

/** Goes on after a break where it was; squib may be restarted. */
async function follow(
  connection: Connection,
  resource: string | undefined,
  since: string,
  print: (event: StateChangeEvent) => void,
): Promise<void> {
  let last = since;
  for (let lostAt: number | undefined; ; ) {
    try {
      for await (const event of eventStream(connection, { ...(resource && { resource }), since: last })) {
        lostAt = undefined;
        last = event.id;
        print(event);
      }
    } catch (error) {
      // Before it was ever there, or when it says no, that is the answer.
      if (error instanceof SquibError && !(error.cause instanceof TypeError)) throw error;
      if (lostAt !== undefined && Date.now() - lostAt > patienceMs) throw error;
    }
    lostAt ??= Date.now();
    await sleep(retryMs);
  }
}
