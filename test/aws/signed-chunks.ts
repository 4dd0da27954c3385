import { createHash, createHmac } from 'node:crypto';
import { createChecksum } from '../../src/aws/checksums/checksum.ts';
import { CREDENTIAL, REGION, type Running, raw } from './harness.ts';
import { signedHeaders } from './sign.ts';

const hex = (data: string | Buffer) => createHash('sha256').update(data).digest('hex');
const hmac = (key: string | Buffer, text: string) => createHmac('sha256', key).update(text).digest();

/** A body signed chunk by chunk, as AWS's Java, Go and Rust SDKs send it over plain HTTP. */
export async function signedChunks(
  running: Running,
  chunks: Buffer[],
  trailer: boolean,
  change?: (body: string) => string,
) {
  const path = '/tests/chunked';
  const length = chunks.reduce((sum, chunk) => sum + chunk.length, 0);
  const payload = `STREAMING-AWS4-HMAC-SHA256-PAYLOAD${trailer ? '-TRAILER' : ''}`;
  const headers = await signedHeaders(running.port, {
    method: 'PUT',
    path,
    service: 's3',
    headers: {
      'x-amz-content-sha256': payload,
      'x-amz-decoded-content-length': String(length),
      'content-encoding': 'aws-chunked',
      ...(trailer && { 'x-amz-trailer': 'x-amz-checksum-crc32c' }),
    },
  });
  const timestamp = headers['x-amz-date']!;
  const scope = `${timestamp.slice(0, 8)}/${REGION}/s3/aws4_request`;
  const key = hmac(
    hmac(hmac(hmac(`AWS4${CREDENTIAL.secretAccessKey}`, timestamp.slice(0, 8)), REGION), 's3'),
    'aws4_request',
  );
  let previous = /Signature=(\w+)/.exec(headers.authorization!)![1]!;
  const sign = (kind: string, rest: string) => {
    previous = hmac(key, `AWS4-HMAC-SHA256-${kind}\n${timestamp}\n${scope}\n${previous}\n${rest}`).toString(
      'hex',
    );
    return previous;
  };
  let body = '';
  for (const chunk of [...chunks, Buffer.alloc(0)]) {
    const signature = sign('PAYLOAD', `${hex('')}\n${hex(chunk)}`);
    body += `${chunk.length.toString(16)};chunk-signature=${signature}\r\n${chunk.toString('latin1')}`;
    if (chunk.length > 0 || !trailer) body += '\r\n';
  }
  if (trailer) {
    const checksum = createChecksum('CRC32C');
    for (const chunk of chunks) checksum.update(chunk);
    const line = `x-amz-checksum-crc32c:${checksum.digest().toString('base64')}`;
    body += `${line}\r\nx-amz-trailer-signature:${sign('TRAILER', hex(`${line}\n`))}\r\n\r\n`;
  }
  const sent = Buffer.from(change ? change(body) : body, 'latin1');
  return raw(running, {
    method: 'PUT',
    path,
    headers: { ...headers, 'content-length': String(sent.length) },
    body: sent,
  });
}
