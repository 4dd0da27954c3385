import { ServiceError } from '../../errors/service-error.ts';
import type { Log } from '../../log/log.ts';
import type { AnyHandler } from '../handlers.ts';
import type { Answer } from '../http/answer.ts';
import type { Incoming } from '../http/incoming.ts';
import { SMALL_BODY, toBodyError } from '../http/limits.ts';
import { readBody } from '../http/read-body.ts';
import { loadModel } from '../protocol/load-model.ts';
import { redactor } from '../protocol/redact.ts';
import type { RestJsonOperation } from '../protocol/rest-json.ts';
import { RestJsonService } from '../protocol/rest-json.ts';
import type { RouteMatch } from '../protocol/router.ts';
import { WireError } from '../protocol/wire-error.ts';
import { newOutcome, type Outcome, type PartialOutcome } from '../service.ts';
import type { Authenticator } from '../sigv4/authenticate.ts';
import { toCommonError } from '../sigv4/json-errors.ts';
import { SignatureError } from '../sigv4/signature-error.ts';
import { internalError, toErrorShape } from './error-shapes.ts';
import { refuseSlashedArn } from './malformed-arn.ts';

export interface LambdaFrontDoorOptions {
  model: 'lambda-microvms' | 'lambda-core';
  handlers: ReadonlyMap<string, AnyHandler>;
  authenticator: Authenticator;
  /** Others answer as an unsupported Region does; all are served without it. */
  regions?: ReadonlySet<string>;
  log: Log;
}

const JSON_TYPE = { 'content-type': 'application/json' };

/** What AWS's gateway answers to a path that no operation has (spec: control-plane 1, "Wrong path"). */
export const NOT_FOUND_PAGE: Answer = {
  status: 404,
  headers: { 'content-type': 'text/html' },
  body: '<html><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1></body></html>\n',
};

/** `lambda-microvms` and `lambda-core` over rest-json. */
export class LambdaFrontDoor {
  readonly #options: LambdaFrontDoorOptions;
  readonly #service: RestJsonService;
  readonly #absentAsNull: boolean;
  readonly #redact: ReturnType<typeof redactor>;

  constructor(options: LambdaFrontDoorOptions) {
    const model = loadModel(options.model);
    this.#options = options;
    this.#absentAsNull = options.model === 'lambda-microvms';
    this.#service = new RestJsonService(model, { absentAsNull: this.#absentAsNull });
    this.#redact = redactor(model);
  }

  async handle(incoming: Incoming): Promise<Outcome> {
    const match = this.#service.route(incoming.method, incoming.path);
    if (!match) {
      const error = new WireError('UnknownOperationException', 404, 'no operation has this method and path');
      return { ...newOutcome(), answer: NOT_FOUND_PAGE, error };
    }
    const outcome = newOutcome(match.target.name);
    outcome.readOnly = match.target.model.readonly ?? false;
    try {
      const answer = await this.#run(incoming, match, outcome);
      return { ...outcome, answer };
    } catch (thrown) {
      const error = this.#toWireError(thrown, match.target, incoming);
      return { ...outcome, error, answer: errorAnswer(error) };
    }
  }

  async #run(
    incoming: Incoming,
    { target: operation, labels }: RouteMatch<RestJsonOperation>,
    outcome: PartialOutcome,
  ): Promise<Answer> {
    const { authenticator, handlers, regions } = this.#options;
    const body = await readBody(incoming.message, SMALL_BODY);
    const { caller } = await authenticator.authenticateWhole(incoming, body, 'lambda');
    outcome.caller = caller;
    if (regions && !regions.has(caller.region)) {
      // spec: control-plane 1, "Unsupported Region".
      const why = `squib does not serve the Region ${caller.region}`;
      throw new WireError('AccessDeniedException', 403, why, { members: { message: null } });
    }
    refuseSlashedArn(labels, operation.name, caller);
    const input = operation.parse({ labels, query: incoming.query, header: incoming.header, body });
    outcome.input = this.#redact(operation.model.input, input);
    operation.validate(input);
    const handler = handlers.get(operation.name);
    if (!handler) {
      throw new WireError(
        'NotImplementedException',
        501,
        `squib does not have the operation ${operation.name} yet.`,
      );
    }
    const text = operation.render(await handler(input, caller));
    const status = operation.model.responseCode;
    return text === undefined ? { status } : { status, headers: JSON_TYPE, body: text };
  }

  #toWireError(error: unknown, { name, model }: RestJsonOperation, incoming: Incoming): WireError {
    if (error instanceof WireError) return error;
    if (error instanceof SignatureError) return toCommonError(error, 'json');
    if (error instanceof ServiceError) {
      if (error.code === 'Internal') this.#logFailure(error, name, incoming);
      return toErrorShape(error, this.#service.model, model, this.#absentAsNull);
    }
    const bodyError = toBodyError(error, name);
    if (bodyError) return bodyError;
    this.#logFailure(error, name, incoming);
    return internalError(this.#service.model, model, this.#absentAsNull, incoming.requestId);
  }

  #logFailure(error: unknown, operation: string, { requestId }: Incoming): void {
    this.#options.log.error('operation failed', { operation, requestId, error });
  }
}

function errorAnswer({ code, status, message, members, headers }: WireError): Answer {
  return {
    status,
    headers: { ...JSON_TYPE, 'x-amzn-errortype': code, ...headers },
    body: JSON.stringify(members ?? { message }),
  };
}
