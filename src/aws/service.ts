import type { IncomingMessage } from 'node:http';
import type { Duplex } from 'node:stream';
import type { Caller } from './caller.ts';
import type { Answer } from './http/answer.ts';
import type { WireError } from './protocol/wire-error.ts';

/** Takes over a connection whose client asked for a WebSocket. */
export type AcceptUpgrade = (message: IncomingMessage, socket: Duplex, head: Buffer) => void;

/** What became of one request: the answer, and what the audit record says about it. */
export interface Outcome {
  answer: Answer;
  operation: string;
  readOnly: boolean;
  caller?: Caller;
  /** Without sensitive members. */
  input: Record<string, unknown>;
  /** The answer of a call that changed something, without sensitive members. */
  output?: Record<string, unknown>;
  error?: WireError;
  /** Answers the request instead of `answer`. */
  accept?: AcceptUpgrade;
}

/** An outcome while it is being worked out. */
export type PartialOutcome = Omit<Outcome, 'answer'>;

export function newOutcome(operation = 'Unknown'): PartialOutcome {
  return { operation, readOnly: false, input: {} };
}
