import type { IncomingMessage } from 'node:http';
import type { ExternalRequest } from '../client/external-s3.ts';
import { type ExternalS3, readError } from '../client/external-s3.ts';
import type { Answer } from '../http/answer.ts';
import { elements, readXml, textOf } from '../protocol/xml.ts';
import { s3Error } from './s3-error.ts';
import type { S3Request } from './s3-request.ts';

/** Headers that belong to one connection, or that squib makes anew. */
const NOT_PASSED_ON = new Set([
  'authorization',
  'connection',
  'content-length',
  'expect',
  'host',
  'keep-alive',
  'proxy-connection',
  'te',
  'transfer-encoding',
  'upgrade',
  'x-amz-content-sha256',
  'x-amz-date',
  'x-amz-request-id',
  'x-amz-security-token',
  'x-amzn-requestid',
]);
/** What an answer says about squib's own credentials is none of the client's business. */
const OWN_CREDENTIALS = new Set([
  'AuthorizationHeaderMalformed',
  'ExpiredToken',
  'InvalidAccessKeyId',
  'InvalidToken',
  'RequestTimeTooSkewed',
  'SignatureDoesNotMatch',
]);

/**
 * Sends a request that was verified and allowed on to an S3 service outside of squib, signed anew with squib's own
 * credentials for it, and streams both bodies.
 * @param payload value of `x-amz-content-sha256`
 */
export async function forward(request: S3Request, payload: string, external: ExternalS3): Promise<Answer> {
  const { incoming, bucket, key } = request;
  const headers: Record<string, string> = {};
  for (const name of incoming.headerNames) {
    if (!NOT_PASSED_ON.has(name)) headers[name] = incoming.header(name)!;
  }
  const query = incoming.query
    .split('&')
    .filter((pair) => pair !== '' && !/^X-Amz-/i.test(pair))
    .join('&');
  const answer = await external.send({
    ...{ method: incoming.method, bucket, key, query },
    ...(await outgoingBody(request, payload, headers)),
  });
  return passBack(answer, incoming.method);
}

/** Headers and body for the other side. */
async function outgoingBody(
  request: S3Request,
  payload: string,
  headers: Record<string, string>,
): Promise<Pick<ExternalRequest, 'headers' | 'body' | 'payload'>> {
  const { incoming } = request;
  const length = incoming.header('content-length');
  if (request.query.has('delete') && incoming.method === 'POST') {
    const body = await request.text();
    for (const entry of elements(readXml(body, 'Delete'), 'Object')) {
      request.checkKey(textOf(entry, 'Key') ?? '');
    }
    return { headers: withoutChunks(headers), body };
  }
  if (payload.startsWith('STREAMING-AWS4-HMAC-SHA256')) {
    // Signed with the client's key, piece by piece: only squib can verify that, so the bytes go on without.
    const decoded = incoming.header('x-amz-decoded-content-length') ?? '';
    const { body } = request.upload();
    return {
      headers: { ...withoutChunks(headers), 'content-length': decoded },
      ...{ body: heldBack(body), payload: 'UNSIGNED-PAYLOAD' },
    };
  }
  if (length === undefined || length === '0') return { headers };
  const body = incoming.message.iterator({ destroyOnReturn: false }) as AsyncIterable<Uint8Array>;
  return { headers: { ...headers, 'content-length': length }, body, payload };
}

function withoutChunks(headers: Record<string, string>): Record<string, string> {
  const { 'x-amz-decoded-content-length': _, 'x-amz-trailer': __, ...rest } = headers;
  const encoding = (rest['content-encoding'] ?? '')
    .split(',')
    .filter((part) => part.trim() !== 'aws-chunked');
  const { 'content-encoding': ___, ...plain } = rest;
  return encoding.join('') === '' ? plain : { ...plain, 'content-encoding': encoding.join(',') };
}

/** Keeps the last piece until all of the body was verified, so that a forged one is never complete over there. */
async function* heldBack(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let held: Uint8Array | undefined;
  for await (const piece of body) {
    if (held) yield held;
    held = piece;
  }
  if (held) yield held;
}

async function passBack(answer: IncomingMessage, method: string): Promise<Answer> {
  const { statusCode: status = 502 } = answer;
  const headers: Record<string, string> = {};
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined && (name === 'content-length' || !NOT_PASSED_ON.has(name))) {
      headers[name] = String(value);
    }
  }
  if (method === 'HEAD' || status === 204 || status === 304) {
    answer.resume();
    return { status, headers };
  }
  if (status !== 403 && status !== 400) return { status, headers, body: answer };
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const body = Buffer.concat(chunks).toString();
  const { code, message } = readError(body, status);
  if (OWN_CREDENTIALS.has(code)) {
    throw s3Error(
      'InternalError',
      `The S3 service that squib is configured with refuses squib's own credentials (${code}: ${message}).`,
    );
  }
  return { status, headers, body };
}
