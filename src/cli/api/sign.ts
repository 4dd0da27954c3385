import { hash } from 'node:crypto';
import { canonicalPaths, canonicalRequest, scopeOf, stringToSign } from '../../aws/sigv4/canonical.ts';
import { hmac, SigningKeys } from '../../aws/sigv4/signing-key.ts';
import type { Connection } from './connection.ts';

export interface UnsignedRequest {
  method: string;
  url: URL;
  /** Lower-case names. */
  headers: Record<string, string>;
  body: string | Buffer;
}

/**
 * Signature V4, in the header form.
 * @param now epoch milliseconds
 * @returns the headers to send (the client adds `host` itself)
 */
export function sign(
  { method, url, headers, body }: UnsignedRequest,
  connection: Connection,
  service: string,
  now: number,
): Record<string, string> {
  const timestamp = `${new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
  const payloadHash = hash('sha256', body);
  const { sessionToken } = connection;
  const sent: Record<string, string> = {
    ...headers,
    'x-amz-date': timestamp,
    'x-amz-content-sha256': payloadHash,
    ...(sessionToken && { 'x-amz-security-token': sessionToken }),
  };
  const signed: Record<string, string> = { ...sent, host: url.host };
  const signedHeaders = Object.keys(signed).sort();
  const scope = {
    ...{ form: 'header' as const, signature: '', timestamp, signedHeaders, service },
    accessKeyId: connection.accessKeyId,
    date: timestamp.slice(0, 8),
    region: connection.region,
  };
  const request = {
    method,
    path: url.pathname,
    query: url.search.slice(1),
    header: (name: string) => signed[name],
    headerNames: signedHeaders,
  };
  const [path = url.pathname] = canonicalPaths(url.pathname, service);
  const canonical = canonicalRequest(request, scope, path, payloadHash);
  const key = new SigningKeys(1).derive(connection.secretAccessKey, scope);
  const signature = hmac(key, stringToSign(scope, canonical)).toString('hex');
  return {
    ...sent,
    authorization:
      `AWS4-HMAC-SHA256 Credential=${connection.accessKeyId}/${scopeOf(scope)}, ` +
      `SignedHeaders=${signedHeaders.join(';')}, Signature=${signature}`,
  };
}
