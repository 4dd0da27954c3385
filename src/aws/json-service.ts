import { Readable } from 'node:stream';
import { ServiceError } from '../errors/service-error.ts';
import type { Log } from '../log/log.ts';
import type { AnyHandler } from './handlers.ts';
import type { Incoming } from './http/incoming.ts';
import { SMALL_BODY, toBodyError } from './http/limits.ts';
import { readBody } from './http/read-body.ts';
import { jsonRpcAnswer, jsonRpcErrorAnswer, parseJsonObject, targetAction } from './protocol/json-rpc.ts';
import { WireError } from './protocol/wire-error.ts';
import { newOutcome, type Outcome } from './service.ts';
import type { Authenticator } from './sigv4/authenticate.ts';
import { toCommonError } from './sigv4/json-errors.ts';
import { SignatureError } from './sigv4/signature-error.ts';

/** A service of the json-1.1 protocol, such as CloudWatch Logs, told by its signing name. */
export interface JsonService {
  /** For example `logs`. */
  signingName: string;
  /** By action, for example `PutLogEvents`; inputs are unchecked JSON objects. */
  actions: Readonly<Record<string, AnyHandler>>;
  /** By action: those that answer with an event stream, as the output's only member `stream`. */
  streaming?: ReadonlySet<string>;
  /** An error of the service's own as it is to be answered; undefined for what it does not know. */
  toError(error: unknown): { code: string; message: string; status?: number } | undefined;
}

const EVENT_STREAM = { 'content-type': 'application/vnd.amazon.eventstream' };

/** Answers one json-1.1 service. */
export class JsonServiceFrontDoor {
  readonly #service: JsonService;
  readonly #authenticator: Authenticator;
  readonly #log: Log;

  constructor(service: JsonService, authenticator: Authenticator, log: Log) {
    this.#service = service;
    this.#authenticator = authenticator;
    this.#log = log;
  }

  async handle(incoming: Incoming): Promise<Outcome> {
    const action = targetAction(incoming.header('x-amz-target'));
    const outcome = newOutcome(action || 'Unknown');
    try {
      const body = await readBody(incoming.message, SMALL_BODY);
      const { signingName, actions } = this.#service;
      const { caller } = this.#authenticator.authenticateWhole(incoming, body, signingName);
      outcome.caller = caller;
      const handler = Object.hasOwn(actions, action) ? actions[action] : undefined;
      if (!handler) {
        const why = `squib's ${signingName} does not have the action ${action || '(none)'}.`;
        throw new WireError('UnknownOperationException', 400, why);
      }
      const output = await handler(parseJsonObject(body), caller);
      if (this.#service.streaming?.has(action)) {
        const stream = Readable.from(output.stream as AsyncIterable<Buffer>, { objectMode: false });
        return { ...outcome, answer: { status: 200, headers: EVENT_STREAM, body: stream } };
      }
      return { ...outcome, answer: jsonRpcAnswer(output) };
    } catch (thrown) {
      const error = this.#toWireError(thrown, action, incoming);
      return { ...outcome, error, answer: jsonRpcErrorAnswer(error) };
    }
  }

  #toWireError(error: unknown, action: string, { requestId }: Incoming): WireError {
    if (error instanceof WireError) return error;
    if (error instanceof SignatureError) return toCommonError(error, 'json');
    if (error instanceof ServiceError && error.code === 'AccessDenied') {
      return new WireError('AccessDeniedException', 400, error.message);
    }
    const own = this.#service.toError(error);
    if (own) return new WireError(own.code, own.status ?? 400, own.message);
    const bodyError = toBodyError(error, action);
    if (bodyError) return bodyError;
    this.#log.error('operation failed', { operation: action, requestId, error });
    return new WireError(
      'InternalFailure',
      500,
      `Internal error; squib's log tells more about request ${requestId}.`,
    );
  }
}
