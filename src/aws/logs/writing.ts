import type { LogGroupInfo, LogStore } from '../../store/log-store.ts';
import type { AnyHandler } from '../handlers.ts';
import { groupExists, invalidParameter, noSuchGroup, noSuchStream, streamExists } from './logs-errors.ts';
import { Members } from './members.ts';

const mostEvents = 10_000;
/** AWS's limit: 1 MiB with 26 bytes for every event. */
const mostBytes = 1_048_576;
const bytesPerEvent = 26;

const retentions = [
  ...[
    1, 3, 5, 7, 14, 30, 60, 90, 120, 150, 180, 365, 400, 545, 731, 1096, 1827, 2192, 2557, 2922, 3288, 3653,
  ],
];

/** Groups, streams and events that clients make. */
export function logWriting(store: LogStore): Record<string, AnyHandler> {
  const find = (members: Members): LogGroupInfo => {
    const info = store.group(members.logGroup());
    if (!info) throw noSuchGroup();
    return info;
  };
  const tag: AnyHandler = async (input) => {
    const members = new Members(input);
    const info = find(members);
    store.putGroup({ ...info, tags: { ...info.tags, ...members.texts('tags') } });
    return {};
  };
  const untag: AnyHandler = async (input) => {
    const members = new Members(input);
    const info = find(members);
    const gone = new Set(members.strings('tagKeys') ?? members.strings('tags'));
    const left = Object.entries(info.tags ?? {}).filter(([key]) => !gone.has(key));
    store.putGroup({ ...info, tags: Object.fromEntries(left) });
    return {};
  };
  const tags: AnyHandler = async (input) => ({ tags: find(new Members(input)).tags ?? {} });

  return {
    async CreateLogGroup(input) {
      const members = new Members(input);
      const name = members.required('logGroupName');
      if (!/^[\w\-/.#]{1,512}$/.test(name)) throw invalidParameter('The name of the log group is not valid.');
      if (store.hasGroup(name)) throw groupExists();
      store.putGroup({ name, createdAt: Date.now(), tags: members.texts('tags') });
      return {};
    },
    async DeleteLogGroup(input) {
      await store.deleteGroup(find(new Members(input)).name);
      return {};
    },
    async CreateLogStream(input) {
      const members = new Members(input);
      const { name } = find(members);
      const stream = members.required('logStreamName');
      if (!/^[^:*]{1,512}$/.test(stream)) throw invalidParameter('The name of the log stream is not valid.');
      if (store.hasStream(name, stream)) throw streamExists();
      await store.openStream(name, stream).close();
      return {};
    },
    async DeleteLogStream(input) {
      const members = new Members(input);
      const { name } = find(members);
      if (!(await store.deleteStream(name, members.required('logStreamName')))) throw noSuchStream();
      return {};
    },

    async PutLogEvents(input) {
      const members = new Members(input);
      const { name } = find(members);
      const stream = members.required('logStreamName');
      if (!store.hasStream(name, stream)) throw noSuchStream();
      const events = members.structures('logEvents').map((event) => {
        const each = new Members(event);
        return { timestamp: each.number('timestamp') ?? Date.now(), message: each.required('message') };
      });
      const bytes = events.reduce((sum, { message }) => sum + Buffer.byteLength(message) + bytesPerEvent, 0);
      if (events.length === 0 || events.length > mostEvents || bytes > mostBytes) {
        throw invalidParameter(`A batch has 1 to ${mostEvents} events and at most ${mostBytes} bytes.`);
      }
      if (
        events.some(({ timestamp }, index) => index > 0 && timestamp < (events[index - 1]?.timestamp ?? 0))
      ) {
        throw invalidParameter('Log events in a single PutLogEvents request must be in chronological order.');
      }
      const writer = store.openStream(name, stream);
      for (const { message, timestamp } of events) writer.write(message, timestamp);
      await writer.close();
      return { nextSequenceToken: String(Date.now()) };
    },

    async PutRetentionPolicy(input) {
      const members = new Members(input);
      const retentionInDays = members.number('retentionInDays') ?? 0;
      if (!retentions.includes(retentionInDays)) {
        throw invalidParameter(`'retentionInDays' must be one of ${retentions.join(', ')}.`);
      }
      store.putGroup({ ...find(members), retentionInDays });
      return {};
    },
    async DeleteRetentionPolicy(input) {
      store.putGroup({ ...find(new Members(input)), retentionInDays: undefined });
      return {};
    },

    ...{ TagLogGroup: tag, TagResource: tag, UntagLogGroup: untag, UntagResource: untag },
    ...{ ListTagsLogGroup: tags, ListTagsForResource: tags },
  };
}
