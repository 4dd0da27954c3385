import {
  type ClientRequest,
  Agent as HttpAgent,
  request as httpRequest,
  type IncomingMessage,
} from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import { Readable } from 'node:stream';
import { text } from 'node:stream/consumers';
import { pipeline } from 'node:stream/promises';
import { readCredentialsFile } from '../../config/credentials-file.ts';
import type { ExternalService } from '../../config/external-service.ts';
import { NoSuchBucket, NoSuchKey, ObjectStoreError } from '../../store/object-errors.ts';
import type { ObjectSource, ReadableObject } from '../../store/object-types.ts';
import { elements, readXml, textOf } from '../protocol/xml.ts';
import { encodeStrictly } from '../sigv4/canonical.ts';
import { type Signer, sign } from './sign.ts';

/** What is sent to the external service; its signature is added. */
export interface ExternalRequest {
  method: string;
  /** Empty for the service as a whole. */
  bucket: string;
  /** Empty for a bucket. */
  key: string;
  /** Percent-encoded, without the question mark. */
  query?: string;
  /** Lower-case names; `content-length` where `body` is a stream. */
  headers?: Record<string, string>;
  body?: string | Buffer | AsyncIterable<Uint8Array>;
  /** `x-amz-content-sha256` of a stream. */
  payload?: string;
}

/** A connection on which nothing moves for this long is given up. */
const IDLE_MS = 60_000;

/** An S3 service outside of squib, reached with squib's own credentials for it; buckets are named in the path. */
export class ExternalS3 implements ObjectSource {
  readonly #base: URL;
  readonly #service: ExternalService;
  readonly #region: string;
  readonly #agent: HttpAgent;

  /** @param region of squib, for a service that names none */
  constructor(service: ExternalService, region: string, agent?: HttpAgent) {
    this.#service = service;
    this.#base = new URL(service.endpoint);
    this.#region = service.region || region;
    const Agent = this.#base.protocol === 'https:' ? HttpsAgent : HttpAgent;
    this.#agent = agent ?? new Agent({ keepAlive: true });
  }

  /** The same service, asked with the keys of somebody else. */
  as(credentialsFile: string): ObjectSource {
    return new ExternalS3({ ...this.#service, credentialsFile }, this.#region, this.#agent);
  }

  close(): void {
    this.#agent.destroy();
  }

  /** @returns the answer whatever its status. @throws ObjectStoreError `ServiceUnavailable` when there is none */
  async send(request: ExternalRequest): Promise<IncomingMessage> {
    const { method, bucket, key, query = '', headers = {}, body = '', payload } = request;
    // Put together by hand: a URL would resolve `..` inside of a key.
    const { host, hostname, port, protocol } = this.#base;
    const names = key === '' ? [bucket] : [bucket, ...key.split('/')];
    const pathname = `${this.#base.pathname.replace(/\/$/, '')}/${names.map(encodeStrictly).join('/')}`;
    const search = query === '' ? '' : `?${query}`;
    const whole = typeof body === 'string' || Buffer.isBuffer(body);
    const signed = sign(
      {
        ...{ method, url: { host, pathname, search } },
        headers: whole ? { ...headers, 'content-length': String(Buffer.byteLength(body)) } : headers,
        body: whole ? body : '',
        ...(payload !== undefined && { payload }),
      },
      this.#signer(),
      's3',
      Date.now(),
    );
    const open = protocol === 'https:' ? httpsRequest : httpRequest;
    const outgoing = open({
      ...{ protocol, hostname: hostname.replace(/^\[|\]$/g, ''), port, method, headers: signed },
      ...{ path: `${pathname}${search}`, agent: this.#agent, timeout: IDLE_MS },
    });
    return answerTo(outgoing, body, this.#base.origin);
  }

  async openObject(bucket: string, key: string): Promise<ReadableObject> {
    const answer = await this.#ask({ method: 'GET', bucket, key });
    return {
      info: { size: Number(answer.headers['content-length'] ?? 0) },
      stream: () => answer,
      close: () => answer.destroy(),
    };
  }

  async createBucket(bucket: string): Promise<void> {
    const elsewhere = this.#region !== 'us-east-1';
    const place = `<LocationConstraint>${this.#region}</LocationConstraint>`;
    const body = elsewhere ? `<CreateBucketConfiguration>${place}</CreateBucketConfiguration>` : '';
    (await this.#ask({ method: 'PUT', bucket, key: '', body })).resume();
  }

  async hasBucket(bucket: string): Promise<boolean> {
    const answer = await this.send({ method: 'HEAD', bucket, key: '' });
    answer.resume();
    return answer.statusCode !== 404;
  }

  async deleteBucket(bucket: string): Promise<void> {
    (await this.#ask({ method: 'DELETE', bucket, key: '' })).resume();
  }

  /** @param name of the setting in queries, for example `versioning` */
  async putSetting(bucket: string, name: string, document: string): Promise<void> {
    (await this.#ask({ method: 'PUT', bucket, key: '', query: `${name}=`, body: document })).resume();
  }

  async removeSetting(bucket: string, name: string): Promise<void> {
    (await this.#ask({ method: 'DELETE', bucket, key: '', query: `${name}=` })).resume();
  }

  /** Sends a request that must succeed. @throws ObjectStoreError with the service's code and words */
  async #ask(request: ExternalRequest): Promise<IncomingMessage> {
    const answer = await this.send(request);
    const { statusCode = 500 } = answer;
    if (statusCode < 300) return answer;
    const { code, message } = readError(await text(answer), statusCode);
    if (code === 'NoSuchBucket') throw new NoSuchBucket(request.bucket);
    if (code === 'NoSuchKey') throw new NoSuchKey(request.bucket, request.key);
    throw new ObjectStoreError(code, `The S3 service at ${this.#base.origin} answered: ${message}`);
  }

  #signer(): Signer {
    const keys = readCredentialsFile(this.#service.credentialsFile, `the S3 service at ${this.#base.origin}`);
    return { ...keys, region: this.#region };
  }
}

async function answerTo(
  outgoing: ClientRequest,
  body: NonNullable<ExternalRequest['body']>,
  origin: string,
): Promise<IncomingMessage> {
  const answer = new Promise<IncomingMessage>((resolve, reject) => {
    outgoing.once('response', resolve);
    outgoing.once('error', reject);
    outgoing.once('timeout', () => outgoing.destroy(new Error(`nothing moved for ${IDLE_MS / 1000} s`)));
  });
  const sent =
    typeof body === 'string' || Buffer.isBuffer(body)
      ? Promise.resolve(outgoing.end(body))
      : pipeline(Readable.from(body, { objectMode: false }), outgoing);
  // An answer may come before the whole body is sent; a body that fails leaves no answer to wait for.
  const failed = sent.then(
    () => new Promise<never>(() => {}),
    (error) => Promise.reject(error),
  );
  try {
    return await Promise.race([answer, failed]);
  } catch (error) {
    answer.catch(() => {});
    outgoing.destroy();
    if (!isNetwork(error)) throw error;
    throw new ObjectStoreError(
      'ServiceUnavailable',
      `The S3 service at ${origin} does not answer: ${(error as Error).message}.`,
    );
  }
}

/** Trouble of the connection, in contrast to errors of the body that is being sent. */
function isNetwork(error: unknown): boolean {
  const { code, message } = error as NodeJS.ErrnoException;
  return (
    /^(E[A-Z]+|ERR_(SSL|TLS)_\w+|[A-Z_]*CERT[A-Z_]*)$/.test(code ?? '') ||
    /nothing moved|socket hang up/.test(message)
  );
}

/** Code and words of an error in S3's XML. */
export function readError(body: string, status: number): { code: string; message: string } {
  const otherwise = {
    code: status === 404 ? 'NoSuchKey' : 'InternalError',
    message: `HTTP status ${status}`,
  };
  try {
    const error = readXml(body, 'Error');
    if (elements(error, 'Code').length === 0) return otherwise;
    return { code: textOf(error, 'Code') ?? '', message: textOf(error, 'Message') ?? otherwise.message };
  } catch {
    return otherwise;
  }
}
