import { randomInt } from 'node:crypto';
import type { Duplex } from 'node:stream';
import type { Log } from '../../log/log.ts';
import { ask } from './forward.ts';
import {
  emptyAnswer,
  MalformedMessage,
  type Message,
  parseMessage,
  refused,
  serverFailure,
  truncated,
  type,
} from './message.ts';
import { framed, MessageReader } from './stream-messages.ts';

/** Questions of one MicroVM that are under way at once; more are not answered, and clients ask again. */
const mostAtOnce = 64;
/** A guest that keeps a connection for names open without asking loses it after this, in milliseconds. */
const idleMs = 30_000;

/** Whose questions are answered how. */
export interface NameClient {
  /** False: the question is refused. `name` is undefined for a name of unusual form. */
  mayBeAsked(name: string | undefined): boolean;
  /** Whether an answer for the name may hold this IPv4 address. */
  mayBeNamed(address: string, name: string | undefined): boolean;
  /** These are about to be answered for the name; the answer waits for it. */
  answered(name: string | undefined, addresses: string[]): Promise<void>;
}

export interface NameServiceOptions {
  /** Nameservers of this host, in the order in which they are asked. */
  servers(): Promise<string[]>;
  log: Log;
}

/**
 * Answers the questions for names of all MicroVMs with what the host's own nameservers say. No answer names a place
 * that the client's policy forbids, so that no name can be rebound to one. There is no IPv6 for MicroVMs, so names have
 * no IPv6 addresses.
 */
export class NameService {
  readonly #options: NameServiceOptions;

  constructor(options: NameServiceOptions) {
    this.#options = options;
  }

  /** What one MicroVM's streams are handed to. */
  forClient(client: NameClient): {
    query(stream: Duplex, query: Buffer): void;
    connection(stream: Duplex): void;
  } {
    let busy = 0;
    const answer = async (query: Buffer, transport: 'udp' | 'tcp'): Promise<Buffer | undefined> => {
      if (busy >= mostAtOnce) return undefined;
      busy++;
      try {
        return await this.#answer(client, query, transport);
      } catch (error) {
        // The firewall could not be told, because the machine is just ending for example; the guest asks again.
        this.#options.log.error('names.failed', { error });
        return undefined;
      } finally {
        busy--;
      }
    };
    return {
      query: (stream, query) => {
        stream.on('error', () => {}); // the guest gave it up
        stream.resume();
        void answer(query, 'udp').then((bytes) => (bytes ? stream.end(framed(bytes)) : stream.destroy()));
      },
      connection: (stream) => {
        const timer = setTimeout(() => stream.destroy(), idleMs);
        const reader = new MessageReader((query) => {
          timer.refresh();
          void answer(query, 'tcp').then((bytes) => {
            if (!bytes) stream.destroy();
            else if (stream.writable) stream.write(framed(bytes));
          });
        });
        stream.on('error', () => {});
        stream.on('data', (chunk: Buffer) => reader.push(chunk));
        stream.once('end', () => setTimeout(() => stream.destroy(), 5_000).unref());
        stream.once('close', () => clearTimeout(timer));
      },
    };
  }

  /** Undefined for what is no question. */
  async #answer(client: NameClient, query: Buffer, transport: 'udp' | 'tcp'): Promise<Buffer | undefined> {
    let message: Message;
    try {
      message = parseMessage(query);
    } catch (error) {
      if (error instanceof MalformedMessage) return undefined;
      throw error;
    }
    if (message.isResponse || message.questions !== 1) return undefined;
    if (!client.mayBeAsked(message.questionName)) return emptyAnswer(query, message, refused);
    if (message.questionType === type.aaaa) return emptyAnswer(query, message, 0);
    const found = await this.#ask(query, transport);
    if (!found) return emptyAnswer(query, message, serverFailure);
    const name = message.questionName;
    const { records } = found.message;
    if (!records.every((record) => isHarmless(record, client, name)))
      return emptyAnswer(query, message, refused);
    await client.answered(name, records.filter((record) => record.type === type.a).map(addressOf));
    query.copy(found.bytes, 0, 0, 2); // the client's own id
    const tooLong = transport === 'udp' && found.bytes.length > message.udpBytes;
    return tooLong ? truncated(found.bytes, found.message) : found.bytes;
  }

  /** The first server's answer that makes sense; the questions go out under ids that the guest does not know. */
  async #ask(
    query: Buffer,
    transport: 'udp' | 'tcp',
  ): Promise<{ bytes: Buffer; message: Message } | undefined> {
    for (const server of await this.#options.servers()) {
      const own = Buffer.from(query);
      own.writeUInt16BE(randomInt(65_536), 0);
      try {
        const bytes = await ask(server, own, transport);
        return { bytes, message: parseMessage(bytes) };
      } catch (error) {
        this.#options.log.warn('names.server', { server, error: (error as Error).message });
      }
    }
    return undefined;
  }
}

/** Addresses must be allowed; records that carry addresses as hints in forms of their own never are. */
function isHarmless(
  record: { type: number; data: Buffer },
  client: NameClient,
  name: string | undefined,
): boolean {
  if (record.type === type.a) return record.data.length === 4 && client.mayBeNamed(addressOf(record), name);
  return record.type !== type.aaaa && record.type !== type.https && record.type !== type.svcb;
}

const addressOf = ({ data }: { data: Buffer }) => [...data].join('.');
