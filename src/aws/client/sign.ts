import { hash } from 'node:crypto';
import { canonicalPaths, canonicalRequest, scopeOf, stringToSign } from '../sigv4/canonical.ts';
import { SigningKeys, signatureOf } from '../sigv4/signing-key.ts';

export interface UnsignedRequest {
  method: string;
  /** Percent-encoded. */
  url: Pick<URL, 'host' | 'pathname' | 'search'>;
  /** Lower-case names. */
  headers: Record<string, string>;
  body: string | Buffer;
  /** What is signed in place of the hash of `body`: for bodies that are sent as a stream. */
  payload?: string;
}

/** In whose name a request is signed. */
export interface Signer {
  region: string;
  accessKeyId: string;
  secretAccessKey: string;
  sessionToken?: string | undefined;
}

/**
 * Signature V4, in the header form.
 * @param now epoch milliseconds
 * @returns the headers to send (the client adds `host` itself)
 */
export function sign(
  { method, url, headers, body, payload }: UnsignedRequest,
  signer: Signer,
  service: string,
  now: number,
): Record<string, string> {
  const timestamp = `${new Date(now).toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
  const payloadHash = payload ?? hash('sha256', body);
  const { sessionToken } = signer;
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
    accessKeyId: signer.accessKeyId,
    date: timestamp.slice(0, 8),
    region: signer.region,
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
  const key = new SigningKeys(1).derive(signer.secretAccessKey, scope);
  const signature = signatureOf(key, stringToSign(scope, canonical));
  return {
    ...sent,
    authorization:
      `AWS4-HMAC-SHA256 Credential=${signer.accessKeyId}/${scopeOf(scope)}, ` +
      `SignedHeaders=${signedHeaders.join(';')}, Signature=${signature}`,
  };
}
