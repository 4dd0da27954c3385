import { createHash, hash, type KeyObject } from 'node:crypto';
import { scopeOf } from './canonical.ts';
import { SignatureError } from './signature-error.ts';
import { signatureOf } from './signing-key.ts';
import type { SignatureParameters } from './types.ts';
import { constantTimeEqual } from './verify.ts';

/** Values of `x-amz-content-sha256` that announce an `aws-chunked` body. */
export const STREAMING_PAYLOADS = {
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD': { signed: true, trailer: false },
  'STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER': { signed: true, trailer: true },
  'STREAMING-UNSIGNED-PAYLOAD-TRAILER': { signed: false, trailer: true },
} as const;

export type StreamingPayload = keyof typeof STREAMING_PAYLOADS;

const LONGEST_HEADER = 1024;
const LONGEST_TRAILER = 16 * 1024;
const EMPTY_HASH = hash('sha256', '');

/** The body is not well-formed `aws-chunked`. */
export class MalformedChunks extends Error {
  override readonly name = 'MalformedChunks';
}

export interface ChunkSigning {
  parameters: SignatureParameters;
  signingKey: KeyObject;
}

export interface DecodedBody {
  /** The bytes inside the chunks. Fails with `MalformedChunks` or `SignatureError`. */
  body: AsyncIterable<Buffer>;
  /** Trailing headers by lower-case name; complete when `body` has ended. */
  trailers: Map<string, string>;
}

/** Reads lines and counted bytes out of a stream of buffers. */
class ByteReader {
  readonly #source: AsyncIterator<Buffer>;
  #buffer: Buffer = Buffer.alloc(0);

  constructor(source: AsyncIterable<Buffer>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** @returns false at the end of the stream */
  async #more(): Promise<boolean> {
    const next = await this.#source.next();
    if (next.done) return false;
    this.#buffer = this.#buffer.length === 0 ? next.value : Buffer.concat([this.#buffer, next.value]);
    return true;
  }

  /** A line without its CRLF. @returns undefined at the end of the stream */
  async line(longest: number): Promise<string | undefined> {
    for (;;) {
      const end = this.#buffer.indexOf('\n');
      if (end > longest || (end < 0 && this.#buffer.length > longest)) {
        throw new MalformedChunks('a chunk header is too long');
      }
      if (end >= 0) {
        const line = this.#buffer.toString('latin1', 0, end).replace(/\r$/, '');
        this.#buffer = this.#buffer.subarray(end + 1);
        return line;
      }
      if (await this.#more()) continue;
      if (this.#buffer.length > 0) throw new MalformedChunks('the body ends in the middle of a line');
      return undefined;
    }
  }

  async *bytes(count: number): AsyncGenerator<Buffer> {
    let left = count;
    while (left > 0) {
      if (this.#buffer.length === 0 && !(await this.#more())) {
        throw new MalformedChunks('the body ends in the middle of a chunk');
      }
      const piece = this.#buffer.subarray(0, left);
      this.#buffer = this.#buffer.subarray(piece.length);
      left -= piece.length;
      yield piece;
    }
  }

  /** Lets the source go (and, for a request, be destroyed or drained by its owner). */
  async close(): Promise<void> {
    await this.#source.return?.();
  }
}

/** Signatures of chunks, each over the one before (AWS: "Signature calculations for the Authorization header: chunks"). */
class ChunkSignatures {
  readonly #signing: ChunkSigning;
  #previous: string;

  constructor(signing: ChunkSigning) {
    this.#signing = signing;
    this.#previous = signing.parameters.signature;
  }

  check(given: string | undefined, kind: 'PAYLOAD' | 'TRAILER', hashes: string): void {
    const { parameters, signingKey } = this.#signing;
    const text = `AWS4-HMAC-SHA256-${kind}\n${parameters.timestamp}\n${scopeOf(parameters)}\n${this.#previous}\n${hashes}`;
    const expected = signatureOf(signingKey, text);
    if (given === undefined || !constantTimeEqual(expected, given)) {
      throw new SignatureError('mismatch', 'The signature of a chunk does not match.');
    }
    this.#previous = expected;
  }
}

/** Unpacks an `aws-chunked` body while it streams. @param signing for the signed forms */
export function decodeChunks(
  source: AsyncIterable<Buffer>,
  kind: StreamingPayload,
  signing: ChunkSigning,
): DecodedBody {
  const { signed, trailer } = STREAMING_PAYLOADS[kind];
  const signatures = signed ? new ChunkSignatures(signing) : undefined;
  const trailers = new Map<string, string>();

  async function* body(): AsyncGenerator<Buffer> {
    const reader = new ByteReader(source);
    try {
      for (;;) {
        const header = await reader.line(LONGEST_HEADER);
        const [, digits, signature] =
          /^([0-9a-fA-F]{1,12})(?:;chunk-signature=([0-9a-f]{64}))?$/.exec(header ?? '') ?? [];
        if (digits === undefined) throw new MalformedChunks('a chunk header cannot be read');
        const size = Number.parseInt(digits, 16);
        const digest = signatures && createHash('sha256');
        for await (const piece of reader.bytes(size)) {
          digest?.update(piece);
          yield piece;
        }
        signatures?.check(signature, 'PAYLOAD', `${EMPTY_HASH}\n${digest!.digest('hex')}`);
        if (size === 0) break;
        if ((await reader.line(2)) !== '')
          throw new MalformedChunks('a chunk is longer than its header says');
      }
      await readTrailers(reader);
    } finally {
      await reader.close();
    }
  }

  async function readTrailers(reader: ByteReader): Promise<void> {
    let signature: string | undefined;
    let length = 0;
    let signedText = '';
    for (;;) {
      const line = await reader.line(LONGEST_TRAILER);
      // The last empty line may be missing, and a signed trailer has one before its signature.
      if (line === undefined) break;
      if (line === '') continue;
      length += line.length;
      const at = line.indexOf(':');
      if (at <= 0 || length > LONGEST_TRAILER) throw new MalformedChunks('a trailing header cannot be read');
      const name = line.slice(0, at).trim().toLowerCase();
      const value = line.slice(at + 1).trim();
      if (name === 'x-amz-trailer-signature') signature = value;
      else {
        trailers.set(name, value);
        signedText += `${name}:${value}\n`;
      }
    }
    if (!trailer && trailers.size > 0) throw new MalformedChunks('trailing headers were not announced');
    if (trailer) signatures?.check(signature, 'TRAILER', hash('sha256', signedText));
  }

  return { body: body(), trailers };
}
