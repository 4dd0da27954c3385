import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Answer } from './http/answer.ts';
import type { Incoming } from './http/incoming.ts';

/** A call of the console's page on a service: signed by nobody, but `incoming.session` says who is signed in. */
export interface ConsoleCall {
  /** Signing name. */
  service: string;
  incoming: Incoming;
}

/** The web console as the front door sees it. */
export interface WebConsole {
  owns(path: string): boolean;
  /** Answers a request of its own, or says which call on a service it stands for. */
  receive(incoming: Incoming): Promise<{ answer: Answer } | { call: ConsoleCall }>;
  /** What is answered to the page, with the headers that protect it: nobody knows what is in an object of S3. */
  protect(answer: Answer): Answer;
  /** Whether a request for another protocol is for {@link upgrade}. */
  upgrades(message: IncomingMessage): boolean;
  /** Takes over the connection of a terminal. */
  upgrade(message: IncomingMessage, socket: Duplex, head: Buffer): void;
}
