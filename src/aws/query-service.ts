import { ServiceError } from '../errors/service-error.ts';
import type { Log } from '../log/log.ts';
import type { AnyHandler } from './handlers.ts';
import type { Incoming } from './http/incoming.ts';
import { SMALL_BODY, toBodyError } from './http/limits.ts';
import { readBody } from './http/read-body.ts';
import { parseQueryRequest, queryAnswer, queryErrorAnswer } from './protocol/query.ts';
import { WireError } from './protocol/wire-error.ts';
import { newOutcome, type Outcome } from './service.ts';
import type { Authenticator } from './sigv4/authenticate.ts';
import { toCommonError } from './sigv4/json-errors.ts';
import { SignatureError } from './sigv4/signature-error.ts';

/** A service of the query protocol, such as IAM, told by its signing name. */
export interface QueryService {
  /** For example `iam`. */
  signingName: string;
  /** Of the answer's root element. */
  namespace: string;
  /** By action, for example `CreateRole`; inputs are unchecked (texts, lists, structures). */
  actions: Readonly<Record<string, AnyHandler>>;
}

const READ_ONLY = /^(?:Get|List|Describe|Validate|Estimate)/;
/** Members of inputs and outputs that the audit log must not see. */
const SECRET = /^(?:SecretAccessKey|SessionToken|TemplateBody|Parameters|ParameterValue)$/;

/** Answers one query service. */
export class QueryServiceFrontDoor {
  readonly #service: QueryService;
  readonly #authenticator: Authenticator;
  readonly #log: Log;

  constructor(service: QueryService, authenticator: Authenticator, log: Log) {
    this.#service = service;
    this.#authenticator = authenticator;
    this.#log = log;
  }

  async handle(incoming: Incoming): Promise<Outcome> {
    const { signingName, namespace, actions } = this.#service;
    const outcome = newOutcome();
    const { requestId } = incoming;
    try {
      const body = await readBody(incoming.message, SMALL_BODY);
      const { caller } = this.#authenticator.authenticateWhole(incoming, body, signingName);
      outcome.caller = caller;
      const { action, input } = parseQueryRequest(incoming.query, body);
      const handler = Object.hasOwn(actions, action) ? actions[action] : undefined;
      if (!handler) {
        const have = Object.keys(actions).join(', ');
        const why = `squib's ${signingName} does not have the action ${action || '(none)'}. It has: ${have}.`;
        throw new WireError('InvalidAction', 400, why);
      }
      outcome.operation = action;
      outcome.readOnly = READ_ONLY.test(action);
      outcome.input = forAudit(input);
      const output = await handler(input, caller);
      return { ...outcome, answer: queryAnswer(action, namespace, requestId, output) };
    } catch (thrown) {
      const error = this.#toWireError(thrown, outcome.operation, requestId);
      return { ...outcome, error, answer: queryErrorAnswer(error, namespace, requestId) };
    }
  }

  #toWireError(error: unknown, operation: string, requestId: string): WireError {
    if (error instanceof WireError) return error;
    if (error instanceof SignatureError) return toCommonError(error, 'query');
    if (error instanceof ServiceError && error.code === 'AccessDenied') {
      return new WireError('AccessDenied', 403, error.message);
    }
    const bodyError = toBodyError(error, this.#service.signingName);
    if (bodyError) return bodyError;
    this.#log.error('operation failed', { operation, requestId, error });
    const message = `Internal error; squib's log tells more about request ${requestId}.`;
    return new WireError('InternalFailure', 500, message);
  }
}

function forAudit(input: Record<string, unknown>): Record<string, unknown> {
  const left = Object.entries(input).filter(([name]) => !['Action', 'Version'].includes(name));
  return Object.fromEntries(left.map(([name, value]) => [name, SECRET.test(name) ? '***' : value]));
}
