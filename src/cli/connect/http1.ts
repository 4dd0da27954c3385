import type { IncomingMessage, ServerResponse } from 'node:http';
import { type Agent, request as httpsRequest } from 'node:https';
import type { Duplex } from 'node:stream';
import type { Destination } from './destination.ts';
import { answerFields, isDenial, requestFields } from './fields.ts';
import { refusalOf, unreachable } from './guard.ts';

/** What the relays share. */
export interface Relay {
  destination: Destination;
  agent: Agent;
  /** For the person at the terminal. */
  complain(problem: string): void;
}

/** Sends one request on to the endpoint, with a token. */
export async function relayRequest(
  { destination, agent, complain }: Relay,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const refuse = (status: number, text: string) => {
    if (response.headersSent) response.destroy();
    else response.writeHead(status, { 'content-type': 'text/plain', connection: 'close' }).end(`${text}\n`);
  };
  const { method = 'GET', headers } = request;
  const refusal = refusalOf(method, headers.host ?? '', headers);
  if (refusal !== undefined) return refuse(403, refusal);
  const upstream = await open(destination, agent, request).catch((error: Error) => error);
  if (upstream instanceof Error) {
    complain(upstream.message);
    return refuse(502, upstream.message);
  }
  upstream.on('error', (error) => {
    if (response.destroyed) return;
    complain(unreachable(error));
    refuse(502, unreachable(error));
  });
  upstream.on('continue', () => response.writeContinue());
  upstream.on('response', (answer) => {
    if (isDenial(answer.statusCode, answer.headers)) destination.tokens.discard();
    response.writeHead(
      answer.statusCode ?? 502,
      answer.statusMessage,
      answerFields(answer.rawHeaders, destination),
    );
    response.flushHeaders();
    answer.on('end', () => response.addTrailers(pairs(answer.rawTrailers)));
    answer.on('error', () => response.destroy());
    answer.pipe(response);
  });
  response.on('close', () => {
    if (!response.writableFinished) upstream.destroy();
  });
  upstream.flushHeaders();
  request.pipe(upstream);
}

/** Joins a WebSocket with the endpoint, byte by byte. */
export async function relayUpgrade(
  { destination, agent, complain }: Relay,
  request: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<void> {
  socket.on('error', () => socket.destroy());
  const refuse = (status: string, text: string) =>
    socket.end(`HTTP/1.1 ${status}\r\nconnection: close\r\ncontent-type: text/plain\r\n\r\n${text}\n`);
  const refusal = refusalOf('GET', request.headers.host ?? '', request.headers);
  if (refusal !== undefined) return void refuse('403 Forbidden', refusal);
  const upstream = await open(destination, agent, request).catch((error: Error) => error);
  if (upstream instanceof Error) {
    complain(upstream.message);
    return void refuse('502 Bad Gateway', upstream.message);
  }
  socket.on('close', () => upstream.destroy());
  upstream.on('error', (error) => {
    if (socket.destroyed) return;
    complain(unreachable(error));
    refuse('502 Bad Gateway', unreachable(error));
  });
  upstream.on('response', (answer) => {
    if (isDenial(answer.statusCode, answer.headers)) destination.tokens.discard();
    socket.write(headText(answer, ['connection', 'close'], destination));
    answer.pipe(socket);
  });
  upstream.on('upgrade', (answer, far, farHead) => {
    socket.write(headText(answer, ['Connection', 'Upgrade'], destination));
    if (farHead.length > 0) socket.write(farHead);
    if (head.length > 0) far.write(head);
    far.on('error', () => socket.destroy());
    far.on('close', () => socket.destroy());
    socket.on('close', () => far.destroy());
    far.pipe(socket).pipe(far);
  });
  upstream.end();
}

async function open(
  destination: Destination,
  agent: Agent,
  { method, url, rawHeaders, headers }: IncomingMessage,
) {
  const fields = requestFields(rawHeaders, destination, await destination.tokens.get());
  fields.push('Host', destination.endpoint);
  if (headers.upgrade !== undefined) fields.push('Connection', 'Upgrade');
  else fields.push('Connection', 'keep-alive');
  if (headers['transfer-encoding'] !== undefined) fields.push('Transfer-Encoding', 'chunked');
  return httpsRequest({ ...destination.dial, agent, method, path: url, headers: fields, setHost: false });
}

function headText(answer: IncomingMessage, more: string[], destination: Destination): string {
  const fields = [...answerFields(answer.rawHeaders, destination), ...more];
  const lines = pairs(fields).map(([name, value]) => `${name}: ${value}\r\n`);
  return `HTTP/1.1 ${answer.statusCode} ${answer.statusMessage}\r\n${lines.join('')}\r\n`;
}

function pairs(raw: readonly string[]): [string, string][] {
  return Array.from({ length: raw.length / 2 }, (_, at) => [raw[2 * at]!, raw[2 * at + 1]!]);
}
