import { randomUUID } from 'node:crypto';
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type Server,
  ServerResponse,
} from 'node:http';
import type { Duplex } from 'node:stream';
import { type SquibHandlers, squibModel } from '../extensions/squib-model.ts';
import type { Log } from '../log/log.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { Audit } from './audit.ts';
import type { ExternalS3 } from './client/external-s3.ts';
import { countCall } from './count-call.ts';
import type { AnyHandler } from './handlers.ts';
import { send } from './http/answer.ts';
import { type Incoming, readIncoming } from './http/incoming.ts';
import { IDLE_TIMEOUT_MS } from './http/limits.ts';
import { type JsonService, JsonServiceFrontDoor } from './json-service.ts';
import type { LambdaCoreHandlers } from './models/lambda-core.ts';
import type { LambdaMicrovmsHandlers } from './models/lambda-microvms.ts';
import type { Probes } from './probes.ts';
import { loadModel } from './protocol/load-model.ts';
import { type QueryService, QueryServiceFrontDoor } from './query-service.ts';
import { type RestJsonDefinition, RestJsonFrontDoor } from './rest-json-front-door.ts';
import { type CheckS3, S3FrontDoor } from './s3/s3-front-door.ts';
import type { Outcome } from './service.ts';
import { Authenticator } from './sigv4/authenticate.ts';
import { claimedService } from './sigv4/claimed-service.ts';
import type { FindCredential } from './sigv4/credential.ts';
import { answerUnknownService } from './unknown-service.ts';
import type { WebConsole } from './web-console.ts';

export type FrontDoorHandlers = Partial<LambdaMicrovmsHandlers & LambdaCoreHandlers>;

export interface FrontDoorOptions {
  /** By operation; an operation without one answers that it is missing. */
  handlers: FrontDoorHandlers;
  objectStore: ObjectStore;
  /** An S3 service outside of squib that keeps all buckets instead. */
  externalS3?: ExternalS3;
  /** squib's own operations, under `/_squib/v1/`. */
  extensions?: SquibHandlers;
  /** Permissions of S3 requests; whoever is authenticated may do everything without it. */
  checkS3?: CheckS3;
  findCredential: FindCredential;
  log: Log;
  /** Epoch milliseconds; the system's clock without it. */
  clock?: () => number;
  audit?: Audit;
  /** Regions that the Lambda services serve; all without it. */
  regions?: readonly string[];
  /** Domains under which `bucket.<domain>` names a bucket. Default: `localhost`. */
  domains?: readonly string[];
  /** Further services, of the json-1.1 protocol. */
  jsonServices?: readonly JsonService[];
  /** Further services, of the query protocol. */
  queryServices?: readonly QueryService[];
  webConsole?: WebConsole;
  probes?: Probes;
}

export interface FrontDoor {
  listener: RequestListener;
  /** A server with deadlines for slow clients; not listening yet. */
  createServer(): Server;
}

interface ServiceFrontDoor {
  handle(incoming: Incoming): Promise<Outcome>;
}

/** Headers must be complete within this time. */
const HEADERS_TIMEOUT_MS = 20_000;
/** How long a client may go on sending a body after it got its answer. */
const LINGER_MS = 5_000;

/** All AWS services of squib on one port. */
export function createFrontDoor(options: FrontDoorOptions): FrontDoor {
  const { log, findCredential, webConsole, probes, clock = Date.now } = options;
  const authenticator = new Authenticator(findCredential, clock);
  const restOptions = {
    authenticator,
    log,
    ...(options.regions && { regions: new Set(options.regions) }),
  };
  const lambda = byOperation(options.handlers);
  const restServices: RestJsonDefinition[] = [
    {
      model: loadModel('lambda-microvms'),
      pathPrefixes: ['/2025-09-09/', '/2017-03-31/tags/'],
      handlers: lambda,
      absentAsNull: true,
    },
    {
      model: loadModel('lambda-core'),
      pathPrefixes: ['/2026-04-04/'],
      handlers: lambda,
      absentAsNull: false,
    },
    {
      model: squibModel,
      pathPrefixes: ['/_squib/v1/'],
      handlers: byOperation(options.extensions ?? {}),
      absentAsNull: false,
    },
  ];
  const byPath = restServices.map((definition) => new RestJsonFrontDoor(definition, restOptions));
  const s3 = new S3FrontDoor({
    store: options.objectStore,
    authenticator,
    domains: options.domains ?? ['localhost'],
    ...(options.checkS3 && { check: options.checkS3 }),
    ...(options.externalS3 && { external: options.externalS3 }),
    log,
  });
  const byName = new Map<string, ServiceFrontDoor>([['s3', s3]]);
  for (const service of options.queryServices ?? []) {
    byName.set(service.signingName, new QueryServiceFrontDoor(service, authenticator, log));
  }
  for (const service of options.jsonServices ?? []) {
    byName.set(service.signingName, new JsonServiceFrontDoor(service, authenticator, log));
  }

  const names = ['lambda', ...byName.keys()];

  /** `lambda-microvms` and `lambda-core` both sign as `lambda`: the path tells them apart. */
  const route = (
    incoming: Incoming,
    name = claimedService(incoming),
  ): { service: string; door: ServiceFrontDoor | undefined } => {
    // A bucket or a key may be called like a path of Lambda's, so what is signed for S3 stays S3's.
    const door = name === 's3' ? undefined : byPath.find((candidate) => candidate.owns(incoming.path));
    if (door) return { service: door.signingName, door };
    if (name !== undefined) return { service: name, door: byName.get(name) };
    // Unsigned: refused in the words of the service that it seems to be for.
    const isForm = incoming.header('content-type')?.startsWith('application/x-www-form-urlencoded');
    return isForm ? { service: 'sts', door: byName.get('sts') } : { service: 's3', door: s3 };
  };

  /** @param head of a client that wants a WebSocket: what came behind its request */
  const answer = async (message: IncomingMessage, response: ServerResponse, head?: Buffer): Promise<void> => {
    const began = performance.now();
    const requestId = randomUUID();
    let incoming = readIncoming(message, requestId);
    let named: string | undefined;
    if (incoming && webConsole?.owns(incoming.path)) {
      const received = await webConsole.receive(incoming);
      if ('answer' in received) {
        await send(response, received.answer, requestId);
        linger(message);
        return;
      }
      incoming = received.call.incoming;
      named = received.call.service;
    }
    if (!incoming) {
      await send(
        response,
        { status: 400, headers: { 'content-type': 'text/plain' }, body: 'Bad Request\n' },
        requestId,
      );
      return;
    }
    incoming.upgrade = head !== undefined;
    if (probes?.owns(incoming)) {
      await send(response, await probes.answer(incoming), requestId);
      linger(message);
      return;
    }
    const { service, door } = route(incoming, named);
    const outcome = door ? await door.handle(incoming) : await answerUnknownService(incoming, service, names);
    countCall(service, outcome, began);
    options.audit?.({
      time: clock(),
      requestId,
      service,
      operation: outcome.operation,
      readOnly: outcome.readOnly,
      ...(outcome.caller && { caller: outcome.caller }),
      ...(incoming.session && { fromConsole: true }),
      input: outcome.input,
      ...(outcome.output && { output: outcome.output }),
      status: outcome.answer.status,
      ...(outcome.error && { errorCode: outcome.error.code, errorMessage: outcome.error.message }),
      sourceAddress: message.socket.remoteAddress ?? '',
      userAgent: incoming.header('user-agent') ?? '',
    });
    if (outcome.accept && head) {
      const { socket } = message;
      response.detachSocket(socket);
      socket.setTimeout(0);
      outcome.accept(message, socket, head);
      return;
    }
    const sent = incoming.session ? webConsole?.protect(outcome.answer) : outcome.answer;
    await send(response, sent ?? outcome.answer, requestId);
    linger(message);
  };

  const listener = (message: IncomingMessage, response: ServerResponse, head?: Buffer) => {
    answer(message, response, head).catch((error: unknown) => {
      log.error('request failed', { error });
      if (response.headersSent) response.destroy();
      else response.writeHead(500, { 'content-type': 'text/plain' }).end('Internal Server Error\n');
    });
  };
  const upgrade = (message: IncomingMessage, socket: Duplex, head: Buffer) => {
    if (webConsole?.upgrades(message)) return webConsole.upgrade(message, socket, head);
    socket.on('error', () => socket.destroy());
    // What is refused is answered like any request, and the connection ends with it.
    const response = new ServerResponse(message);
    response.shouldKeepAlive = false;
    response.assignSocket(message.socket);
    response.once('finish', () => socket.end());
    listener(message, response, head);
  };
  /** From everybody else the wish for another protocol is not heard. */
  const shouldUpgradeCallback = (message: IncomingMessage) =>
    (webConsole?.upgrades(message) ?? false) || isCommand(message);
  return {
    listener: (message, response) => listener(message, response),
    createServer: () =>
      configure(
        createServer({ shouldUpgradeCallback }, (...both) => listener(...both)),
        upgrade,
      ),
  };
}

function isCommand({ url = '', headers }: IncomingMessage): boolean {
  return url.startsWith('/_squib/v1/') && headers.upgrade?.toLowerCase() === 'websocket';
}

function byOperation(handlers: object): ReadonlyMap<string, AnyHandler> {
  return new Map(Object.entries(handlers) as [string, AnyHandler][]);
}

/** After an early answer the rest of the body is read and thrown away, so that the client gets to read the answer. */
function linger(message: IncomingMessage): void {
  if (message.complete || message.closed) return;
  message.resume();
  const timer = setTimeout(() => message.destroy(), LINGER_MS).unref();
  message.once('close', () => clearTimeout(timer));
}

function configure(server: Server, upgrade: WebConsole['upgrade']): Server {
  server.on('upgrade', upgrade);
  server.headersTimeout = HEADERS_TIMEOUT_MS;
  // Bodies have deadlines of their own: an upload of gigabytes may take its time.
  server.requestTimeout = 0;
  server.timeout = IDLE_TIMEOUT_MS;
  // A limit of its own between two requests would mean two new timers for every request.
  server.keepAliveTimeout = 0;
  return server;
}
