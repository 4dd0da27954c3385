import type { Readable } from 'node:stream';
import { compileRedactors, type Redactor } from '../audit/redaction.ts';
import { ServiceError } from '../errors/service-error.ts';
import type { Log } from '../log/log.ts';
import type { AnyHandler } from './handlers.ts';
import type { Answer } from './http/answer.ts';
import type { Incoming } from './http/incoming.ts';
import { SMALL_BODY, toBodyError } from './http/limits.ts';
import { readBody } from './http/read-body.ts';
import { internalError, toErrorShape } from './lambda/error-shapes.ts';
import { refuseSlashedArn } from './lambda/malformed-arn.ts';
import type { ServiceModel } from './protocol/model.ts';
import type { RestJsonOperation } from './protocol/rest-json.ts';
import { RestJsonService } from './protocol/rest-json.ts';
import type { RouteMatch } from './protocol/router.ts';
import { WireError } from './protocol/wire-error.ts';
import { type AcceptUpgrade, newOutcome, type Outcome, type PartialOutcome } from './service.ts';
import type { Authenticator } from './sigv4/authenticate.ts';
import { toCommonError } from './sigv4/json-errors.ts';
import { SignatureError } from './sigv4/signature-error.ts';

/** A service of the rest-json protocol, told by its path and its signing name. */
export interface RestJsonDefinition {
  model: ServiceModel;
  /** All its paths begin with one of these. */
  pathPrefixes: readonly string[];
  /** By operation; one without a handler answers that it is missing. */
  handlers: ReadonlyMap<string, AnyHandler>;
  /** Absent members of answers are written as null. */
  absentAsNull: boolean;
}

export interface RestJsonFrontDoorOptions {
  authenticator: Authenticator;
  /** Others answer as an unsupported Region does; all are served without it. */
  regions?: ReadonlySet<string>;
  log: Log;
}

const NOTHING = Buffer.alloc(0);
const JSON_TYPE = { 'content-type': 'application/json' };

/** What AWS's gateway answers to a path that no operation has (spec: control-plane 1, "Wrong path"). */
export const NOT_FOUND_PAGE: Answer = {
  status: 404,
  headers: { 'content-type': 'text/html' },
  body: '<html><head><title>404 Not Found</title></head><body><h1>404 Not Found</h1></body></html>\n',
};

/** One rest-json service: `lambda-microvms`, `lambda-core`, squib's own. */
export class RestJsonFrontDoor {
  readonly #definition: RestJsonDefinition;
  readonly #options: RestJsonFrontDoorOptions;
  readonly #service: RestJsonService;
  readonly #redactorOf: (shapeName: string) => Redactor;

  constructor(definition: RestJsonDefinition, options: RestJsonFrontDoorOptions) {
    const { model, absentAsNull } = definition;
    this.#definition = definition;
    this.#options = options;
    this.#service = new RestJsonService(model, { absentAsNull });
    this.#redactorOf = compileRedactors(model);
  }

  get signingName(): string {
    return this.#definition.model.metadata.signingName;
  }

  /** True for a path that this service answers, be it with its 404. */
  owns(path: string): boolean {
    return this.#definition.pathPrefixes.some((prefix) => path.startsWith(prefix));
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
    const { authenticator, regions } = this.#options;
    const { handlers } = this.#definition;
    const { streams, takesStream, upgrades } = operation.model;
    const body = takesStream ? NOTHING : await readBody(incoming.message, SMALL_BODY);
    const { caller } = takesStream
      ? authenticator.authenticateHead(incoming, this.signingName)
      : authenticator.authenticateWhole(incoming, body, this.signingName);
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
    if (upgrades && !incoming.upgrade) {
      throw new WireError('ValidationException', 400, `${operation.name} wants a WebSocket handshake.`);
    }
    const output = await handler(takesStream ? { ...input, body: incoming.message } : input, caller);
    if (upgrades) {
      outcome.accept = output.accept as AcceptUpgrade;
      return { status: operation.model.responseCode };
    }
    if (streams !== undefined) return streamed(streams, output.stream as Readable);
    if (!operation.model.readonly) outcome.output = this.#redact(operation.model.output, output);
    const text = operation.render(output);
    const status = operation.model.responseCode;
    return text === undefined ? { status } : { status, headers: JSON_TYPE, body: text };
  }

  #redact(shape: string | undefined, value: unknown): Record<string, unknown> {
    if (shape === undefined) return {};
    return (this.#redactorOf(shape)(value) ?? {}) as Record<string, unknown>;
  }

  #toWireError(error: unknown, { name, model }: RestJsonOperation, incoming: Incoming): WireError {
    if (error instanceof WireError) return error;
    if (error instanceof SignatureError) return toCommonError(error, 'json');
    if (error instanceof ServiceError) {
      if (error.code === 'Internal') this.#logFailure(error, name, incoming);
      return toErrorShape(error, this.#service.model, model, this.#definition.absentAsNull);
    }
    const bodyError = toBodyError(error, name);
    if (bodyError) return bodyError;
    this.#logFailure(error, name, incoming);
    return internalError(this.#service.model, model, this.#definition.absentAsNull, incoming.requestId);
  }

  #logFailure(error: unknown, operation: string, { requestId }: Incoming): void {
    this.#options.log.error('operation failed', { operation, requestId, error });
  }
}

/** Ends with its connection, which nothing else may use meanwhile. */
function streamed(type: string, body: Readable): Answer {
  return {
    status: 200,
    headers: { 'content-type': type, 'cache-control': 'no-store', connection: 'close' },
    body,
  };
}

function errorAnswer({ code, status, message, members, headers }: WireError): Answer {
  return {
    status,
    headers: { ...JSON_TYPE, 'x-amzn-errortype': code, ...headers },
    body: JSON.stringify(members ?? { message }),
  };
}
