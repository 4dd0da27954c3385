import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import type { SignatureParameters } from './types.ts';

function hmac(key: string | Buffer, text: string): Buffer {
  return createHmac('sha256', key).update(text).digest();
}

/** @returns the signature as hexadecimal digits, lower-case */
export function signatureOf(key: KeyObject, stringToSign: string): string {
  return createHmac('sha256', key).update(stringToSign).digest('hex');
}

/** Derives signing keys and keeps the latest: four HMACs less for each request of a busy client. */
export class SigningKeys {
  readonly #keys = new Map<string, { secret: string; key: KeyObject }>();
  readonly #capacity: number;

  constructor(capacity = 1000) {
    this.#capacity = capacity;
  }

  derive(secret: string, { accessKeyId, date, region, service }: SignatureParameters): KeyObject {
    const id = `${accessKeyId}/${date}/${region}/${service}`;
    const known = this.#keys.get(id);
    // A secret that was replaced must not go on working out of the cache.
    if (known && known.secret === secret) return known.key;
    const scoped = hmac(hmac(hmac(`AWS4${secret}`, date), region), service);
    // Node prepares a key object once, but bytes again for every signature.
    const key = createSecretKey(hmac(scoped, 'aws4_request'));
    if (this.#keys.size >= this.#capacity) this.#keys.delete(this.#keys.keys().next().value!);
    this.#keys.set(id, { secret, key });
    return key;
  }
}
