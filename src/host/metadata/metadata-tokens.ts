import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto';

const signatureBytes = 32;

/** Tokens of the metadata service: they hold until they expire or squib is started again, for one MicroVM. */
export class MetadataTokens {
  readonly #key = randomBytes(32);
  readonly #now: () => number;

  /** @param now epoch milliseconds */
  constructor(now: () => number) {
    this.#now = now;
  }

  issue(microvmId: string, ttlSeconds: number): string {
    const expires = Buffer.alloc(8);
    expires.writeBigUInt64BE(BigInt(this.#now() + ttlSeconds * 1000));
    return Buffer.concat([expires, this.#sign(microvmId, expires)]).toString('base64url');
  }

  holds(microvmId: string, token: string): boolean {
    const bytes = Buffer.from(token, 'base64url');
    if (bytes.length !== 8 + signatureBytes) return false;
    const expires = bytes.subarray(0, 8);
    if (!timingSafeEqual(bytes.subarray(8), this.#sign(microvmId, expires))) return false;
    return Number(expires.readBigUInt64BE()) > this.#now();
  }

  #sign(microvmId: string, expires: Buffer): Buffer {
    return createHmac('sha256', this.#key).update(expires).update(microvmId).digest();
  }
}
