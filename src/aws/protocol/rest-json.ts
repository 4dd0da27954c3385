import { isUtf8 } from 'node:buffer';
import { decodeOnce, parseQuery } from '../http/query-string.ts';
import { compileConstraints } from './constraints.ts';
import type { OperationModel, ServiceModel, Shape } from './model.ts';
import { compileReaders, readText } from './read-json.ts';
import { type RouteMatch, Router } from './router.ts';
import { serializationError, unparseable } from './wire-error.ts';
import { compileWriters, type WriteStyle } from './write-json.ts';

/** The parts of an HTTP request that a rest-json operation reads. */
export interface RestRequest {
  /** Still percent-encoded. */
  labels: Record<string, string>;
  /** Without the question mark. */
  query: string;
  header(name: string): string | undefined;
  body: Buffer;
}

/** One operation of a rest-json service, ready to use: nothing is looked up in the model per request. */
export interface RestJsonOperation {
  name: string;
  model: OperationModel;
  /** @throws WireError `SerializationException` */
  parse(request: RestRequest): Record<string, unknown>;
  /** @throws WireError `ValidationException` */
  validate(input: Record<string, unknown>): void;
  /** @returns the JSON text of the answer, or undefined where the answer has no body */
  render(output: Record<string, unknown>): string | undefined;
}

function parseBody(body: Buffer): unknown {
  if (body.length === 0) return {};
  if (!isUtf8(body)) throw unparseable('the body is not UTF-8');
  try {
    return JSON.parse(body.toString('utf8')) ?? {};
  } catch {
    throw unparseable('the body is not JSON');
  }
}

type Compiled = {
  readers: ReturnType<typeof compileReaders>;
  checks: ReturnType<typeof compileConstraints>;
  writers: ReturnType<typeof compileWriters>;
};

function compileParse(model: ServiceModel, input: Shape, readBody: (value: unknown) => unknown) {
  const members = Object.entries(input.members ?? {}).map(([name, ref]) => ({
    name,
    location: ref.location,
    wireName: ref.locationName ?? name,
    shape: model.shapes[ref.shape]!,
  }));
  const inPath = members.filter((member) => member.location === 'uri');
  const inQuery = members.filter((member) => member.location === 'querystring');
  const inHeader = members.filter((member) => member.location === 'header');
  const hasBody = members.some((member) => member.location === undefined);

  return (request: RestRequest): Record<string, unknown> => {
    const body = hasBody ? parseBody(request.body) : {};
    if (Array.isArray(body) || typeof body !== 'object') throw serializationError('Expected null');
    const result = (hasBody ? readBody(body) : {}) as Record<string, unknown>;
    for (const member of members) if (member.location !== undefined) delete result[member.name];
    for (const { name, wireName, shape } of inPath) {
      result[name] = readText(shape, decodeOnce(request.labels[wireName]!));
    }
    if (inQuery.length > 0) {
      const parameters = parseQuery(request.query, { strict: true });
      for (const { name, wireName, shape } of inQuery) {
        const values = parameters.filter(([given]) => given === wireName).map(([, value]) => value);
        if (values.length === 0) continue;
        if (shape.type === 'list') {
          const item = model.shapes[shape.member!.shape]!;
          result[name] = values.map((value) => readText(item, value));
        } else {
          result[name] = readText(shape, values[0]!);
        }
      }
    }
    for (const { name, wireName, shape } of inHeader) {
      const value = request.header(wireName.toLowerCase());
      if (value !== undefined) result[name] = readText(shape, value);
    }
    return result;
  };
}

function compileOperation(
  model: ServiceModel,
  name: string,
  { readers, checks, writers }: Compiled,
): RestJsonOperation {
  const operation = model.operations[name]!;
  const input = operation.input;
  const write = operation.output ? writers(operation.output) : undefined;
  return {
    name,
    model: operation,
    parse: input ? compileParse(model, model.shapes[input]!, readers(input)) : () => ({}),
    validate: input ? checks(input) : () => {},
    render: (output) => (write && operation.responseCode !== 204 ? JSON.stringify(write(output)) : undefined),
  };
}

/** A rest-json service with its routes, compiled from its model at start. */
export class RestJsonService {
  readonly model: ServiceModel;
  readonly operations: ReadonlyMap<string, RestJsonOperation>;
  readonly #router = new Router<RestJsonOperation>();

  constructor(model: ServiceModel, style: WriteStyle) {
    this.model = model;
    const compiled: Compiled = {
      readers: compileReaders(model),
      checks: compileConstraints(model),
      writers: compileWriters(model, style),
    };
    const operations = new Map<string, RestJsonOperation>();
    for (const name of Object.keys(model.operations)) {
      const operation = compileOperation(model, name, compiled);
      operations.set(name, operation);
      this.#router.add(operation.model.method, operation.model.requestUri, operation);
    }
    this.operations = operations;
  }

  route(method: string, path: string): RouteMatch<RestJsonOperation> | undefined {
    return this.#router.find(method, path);
  }
}
