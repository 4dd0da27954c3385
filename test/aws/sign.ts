import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { CREDENTIAL, type RawAnswer, REGION, raw } from './harness.ts';

/** SHA-256 for the SDK's signer, which wants it as a class. */
export class Sha256 {
  readonly #hash: ReturnType<typeof createHash> | ReturnType<typeof createHmac>;
  constructor(secret?: string | ArrayBuffer | ArrayBufferView) {
    this.#hash =
      secret === undefined
        ? createHash('sha256')
        : createHmac('sha256', typeof secret === 'string' ? secret : new Uint8Array(secret as ArrayBuffer));
  }
  update(data: string | ArrayBuffer | ArrayBufferView): void {
    this.#hash.update(typeof data === 'string' ? data : new Uint8Array(data as ArrayBuffer));
  }
  async digest(): Promise<Uint8Array> {
    return new Uint8Array(this.#hash.digest());
  }
  reset(): void {
    throw new Error('not needed');
  }
}

export interface ToSign {
  method?: string;
  /** Percent-encoded as it goes over the wire. */
  path: string;
  query?: Record<string, string | string[]>;
  headers?: Record<string, string>;
  body?: string | Buffer;
  service?: string;
  date?: Date;
  credential?: { accessKeyId: string; secretAccessKey: string; sessionToken?: string };
}

export function signer(service = 'lambda', credential: ToSign['credential'] = CREDENTIAL): SignatureV4 {
  return new SignatureV4({
    service,
    region: REGION,
    credentials: credential,
    sha256: Sha256,
    uriEscapePath: service !== 's3',
    applyChecksum: service === 's3',
  });
}

const encode = (text: string) =>
  encodeURIComponent(text).replace(/[!'()*]/g, (c) => `%${c.charCodeAt(0).toString(16).toUpperCase()}`);

export function queryText(query: Record<string, string | string[]> = {}): string {
  const pairs = Object.entries(query).flatMap(([name, values]) =>
    [values].flat().map((value) => `${encode(name)}=${encode(value)}`),
  );
  return pairs.length > 0 ? `?${pairs.join('&')}` : '';
}

/** Signs with the SDK's own signer. @returns all headers to send */
export async function signedHeaders(port: number, toSign: ToSign): Promise<Record<string, string>> {
  const { method = 'GET', path, query = {}, headers = {}, body, service, date, credential } = toSign;
  const signed = await signer(service, credential).sign(
    {
      method,
      protocol: 'http:',
      hostname: '127.0.0.1',
      port,
      path,
      query,
      headers: { host: `127.0.0.1:${port}`, ...headers },
      body,
    },
    date ? { signingDate: date } : {},
  );
  return signed.headers;
}

/** A signed request, sent as it is. */
export async function rawSigned({ port }: { port: number }, toSign: ToSign): Promise<RawAnswer> {
  const headers = await signedHeaders(port, toSign);
  return raw(
    { port },
    {
      method: toSign.method ?? 'GET',
      path: `${toSign.path}${queryText(toSign.query)}`,
      headers,
      ...(toSign.body !== undefined && { body: toSign.body }),
    },
  );
}
