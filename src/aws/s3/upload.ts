import { createHash } from 'node:crypto';
import type { ObjectAttributes, Written } from '../../store/object-types.ts';
import {
  algorithmOfHeader,
  CHECKSUM_ALGORITHMS,
  type ChecksumAlgorithm,
  createChecksum,
} from '../checksums/checksum.ts';
import type { Incoming } from '../http/incoming.ts';
import {
  type ChunkSigning,
  decodeChunks,
  STREAMING_PAYLOADS,
  type StreamingPayload,
} from '../sigv4/aws-chunked.ts';
import { s3Error } from './s3-error.ts';

/** Largest object that one request may carry, in bytes (S3: 5 GiB). */
const LARGEST = 5 * 1024 ** 3;

export interface Upload {
  /** Fails at its end when the bytes are not those that the request promised. */
  body: AsyncIterable<Uint8Array>;
  /** Call when `body` has ended: refuses a wrong MD5 and gives the checksum that was verified. */
  verify(written: Written): ObjectAttributes['checksum'];
}

function isStreaming(payload: string): payload is StreamingPayload {
  return Object.hasOwn(STREAMING_PAYLOADS, payload);
}

/** @returns the length of the object's bytes as announced */
function announcedLength(request: Incoming, streaming: boolean): number {
  const text = request.header(streaming ? 'x-amz-decoded-content-length' : 'content-length');
  if (text === undefined || !/^\d{1,15}$/.test(text)) {
    throw s3Error('MissingContentLength', 'You must provide the Content-Length HTTP header.');
  }
  const length = Number(text);
  if (length > LARGEST)
    throw s3Error('EntityTooLarge', 'Your proposed upload exceeds the maximum allowed size');
  return length;
}

interface ExpectedChecksum {
  algorithm: ChecksumAlgorithm;
  /** Base64; undefined when it comes in the trailer. */
  value?: string;
  inTrailer: boolean;
}

/** Which checksum the request carries, by header or in its trailer. */
function expectedChecksum(request: Incoming): ExpectedChecksum | undefined {
  const found: ExpectedChecksum[] = [];
  for (const algorithm of CHECKSUM_ALGORITHMS) {
    const value = request.header(`x-amz-checksum-${algorithm.toLowerCase()}`);
    if (value !== undefined) found.push({ algorithm, value, inTrailer: false });
  }
  if (found.length > 1) {
    throw s3Error(
      'InvalidRequest',
      'Expecting a single x-amz-checksum- header. Multiple checksum Types are not allowed.',
    );
  }
  if (found[0]) return found[0];
  const trailer = request.header('x-amz-trailer')?.trim();
  if (trailer) {
    const algorithm = algorithmOfHeader(trailer);
    if (!algorithm)
      throw s3Error(
        'InvalidRequest',
        `The value specified in the x-amz-trailer header is not supported: ${trailer}`,
      );
    return { algorithm, inTrailer: true };
  }
  return undefined;
}

function expectedMd5(request: Incoming): string | undefined {
  const header = request.header('content-md5');
  if (header === undefined) return undefined;
  const bytes = Buffer.from(header, 'base64');
  if (bytes.length !== 16) throw s3Error('InvalidDigest', 'The Content-MD5 you specified was invalid.');
  return bytes.toString('hex');
}

/** @param payload value of `x-amz-content-sha256` @param signing for chunked bodies, which come signed only */
export function openUpload(request: Incoming, payload: string, signing: ChunkSigning | undefined): Upload {
  const streaming = signing !== undefined && isStreaming(payload);
  const length = announcedLength(request, streaming);
  const md5 = expectedMd5(request);
  const expected = expectedChecksum(request);
  // The request is not destroyed when reading stops early: the client still gets an answer.
  const raw = request.message.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>;
  const { body, trailers } = streaming
    ? decodeChunks(raw, payload, signing)
    : { body: raw, trailers: new Map<string, string>() };
  const sha256 = /^[0-9a-f]{64}$/.test(payload) ? createHash('sha256') : undefined;
  const checksum = expected && createChecksum(expected.algorithm);
  let digest = '';

  async function* checked(): AsyncGenerator<Uint8Array> {
    let size = 0;
    for await (const chunk of body) {
      size += chunk.length;
      if (size > length) throw s3Error('IncompleteBody', 'The request body is longer than it was announced.');
      sha256?.update(chunk);
      checksum?.update(chunk);
      yield chunk;
    }
    if (size !== length) {
      throw s3Error(
        'IncompleteBody',
        'You did not provide the number of bytes specified by the Content-Length HTTP header',
      );
    }
    if (sha256 && sha256.digest('hex') !== payload) {
      throw s3Error(
        'XAmzContentSHA256Mismatch',
        "The provided 'x-amz-content-sha256' header does not match what was computed.",
      );
    }
    if (expected && checksum) {
      digest = checksum.digest().toString('base64');
      const name = `x-amz-checksum-${expected.algorithm.toLowerCase()}`;
      const value = expected.inTrailer ? trailers.get(name) : expected.value;
      if (value === undefined)
        throw s3Error('InvalidRequest', `The trailer does not hold the announced ${name}.`);
      if (value !== digest) {
        throw s3Error(
          'BadDigest',
          `The ${expected.algorithm} you specified did not match the calculated checksum.`,
        );
      }
    }
  }

  return {
    body: checked(),
    verify: (written) => {
      if (md5 !== undefined && md5 !== written.md5) {
        throw s3Error('BadDigest', 'The Content-MD5 you specified did not match what we received.');
      }
      return expected && { algorithm: expected.algorithm, value: digest, type: 'FULL_OBJECT' };
    },
  };
}
