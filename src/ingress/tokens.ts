import { createCipheriv, randomFillSync } from 'node:crypto';
import { join } from 'node:path';
import { compactDecrypt } from 'jose';
import type { TokenGrant, TokenIssuer, TokenPorts } from '../control/tokens.ts';
import { type TokenKey, TokenKeys } from './token-keys.ts';

type PortRange = Exclude<TokenPorts, 'all'>[number];

/** Plaintext sizes that make tokens as long as AWS's: 823 and 767 characters (spec: networking-and-proxy 2.1). */
const listedBytes = 511;
const unlistedBytes = 469;

const compactForm = /^([\w-]{40,200})\.\.[\w-]{16}\.[\w-]{16,3000}\.[\w-]{22}$/;
const cacheSize = 10_000;

function packPorts(ports: readonly PortRange[]): string {
  const sorted = [...ports].sort((a, b) => a.startPort - b.startPort);
  const merged: PortRange[] = [];
  for (const range of sorted) {
    const last = merged.at(-1);
    if (last && range.startPort <= last.endPort + 1) {
      merged[merged.length - 1] = {
        startPort: last.startPort,
        endPort: Math.max(last.endPort, range.endPort),
      };
    } else {
      merged.push(range);
    }
  }
  const packed = Buffer.alloc(4 * merged.length);
  for (const [index, { startPort, endPort }] of merged.entries()) {
    packed.writeUInt16LE(startPort, 4 * index);
    packed.writeUInt16LE(endPort, 4 * index + 2);
  }
  return packed.toString('base64');
}

function unpackPorts(packed: string): PortRange[] {
  const bytes = Buffer.from(packed, 'base64');
  const ranges: PortRange[] = [];
  for (let at = 0; at + 4 <= bytes.length; at += 4) {
    ranges.push({ startPort: bytes.readUInt16LE(at), endPort: bytes.readUInt16LE(at + 2) });
  }
  return ranges;
}

/** True if `port` may be reached with the token. */
export function allowsPort(ports: TokenPorts, port: number): boolean {
  return ports === 'all' || ports.some((range) => port >= range.startPort && port <= range.endPort);
}

/** The keys of a token's claims inside the sealed text, short because their length is spent on ports. */
interface Sealed {
  m: string;
  k: TokenGrant['kind'];
  e: number;
  p?: string;
}

/**
 * A compact JWE (RFC 7516, 7.1): header, no wrapped key, nonce, ciphertext and tag. Written out here because what
 * general libraries do, through WebCrypto's threads, costs more than the rest of the call.
 */
function seal(text: string, { header, secret }: TokenKey, nonce: Buffer): string {
  const cipher = createCipheriv('aes-256-gcm', secret, nonce).setAAD(Buffer.from(header));
  // GCM encrypts every byte at once: nothing is left for the end but the tag.
  const sealed = cipher.update(text, 'utf8');
  cipher.final();
  const parts = [nonce, sealed, cipher.getAuthTag()].map((part) => part.toString('base64url'));
  return `${header}..${parts.join('.')}`;
}

/** Random nonces, drawn many at a time: a few random bytes cost as much as many. */
class Nonces {
  readonly #drawn = Buffer.alloc(12 * 100);
  #next = this.#drawn.length;

  /** Each is given out once; good until a hundred more have been asked for. */
  next(): Buffer {
    if (this.#next === this.#drawn.length) {
      randomFillSync(this.#drawn);
      this.#next = 0;
    }
    this.#next += 12;
    return this.#drawn.subarray(this.#next - 12, this.#next);
  }
}

/**
 * Issues and opens auth tokens: compact JWE, `dir` with A256GCM (spec: networking-and-proxy 2.1).
 * The tag of AES-GCM is compared in constant time by OpenSSL; nothing else of a token is compared with a secret.
 */
export class Tokens implements TokenIssuer {
  readonly #keys: TokenKeys;
  readonly #nonces = new Nonces();
  /** Opened tokens by their text, oldest first, so that a request costs no decryption. */
  readonly #opened = new Map<string, TokenGrant>();

  constructor(keys: TokenKeys) {
    this.#keys = keys;
  }

  static async open(dataDir: string): Promise<Tokens> {
    return new Tokens(await TokenKeys.open(join(dataDir, 'keys', 'token-keys.json')));
  }

  async issue(claims: TokenGrant): Promise<string> {
    const sealed: Sealed = { m: claims.microvmId, k: claims.kind, e: claims.expiresAt };
    if (claims.kind !== 'shell' && claims.ports !== 'all') sealed.p = packPorts(claims.ports);
    const bytes = sealed.p === undefined ? unlistedBytes : listedBytes;
    const text = JSON.stringify(sealed).padEnd(bytes, ' ');
    const key = await this.#keys.current();
    return seal(text, key, this.#nonces.next());
  }

  /** Claims of a token that was opened before and is still remembered. The caller looks at the expiry. */
  remembered(token: string): TokenGrant | undefined {
    return this.#opened.get(token);
  }

  /**
   * Opens a token.
   * @returns `unparseable` when it has not the form of one, `untrusted` when no key of ours made it.
   */
  async read(token: string): Promise<TokenGrant | 'unparseable' | 'untrusted'> {
    const header = compactForm.exec(token)?.[1];
    if (header === undefined) return 'unparseable';
    let kid: unknown;
    try {
      ({ kid } = JSON.parse(Buffer.from(header, 'base64url').toString()) as { kid?: unknown });
    } catch {
      return 'unparseable';
    }
    if (typeof kid !== 'string') return 'unparseable';
    const key = this.#keys.find(kid);
    if (!key) return 'untrusted';
    let plaintext: Uint8Array;
    try {
      ({ plaintext } = await compactDecrypt(token, key.secret, {
        keyManagementAlgorithms: ['dir'],
        contentEncryptionAlgorithms: ['A256GCM'],
      }));
    } catch {
      return 'untrusted';
    }
    const sealed = JSON.parse(Buffer.from(plaintext).toString()) as Sealed;
    const ports = sealed.k === 'shell' ? [] : sealed.p === undefined ? 'all' : unpackPorts(sealed.p);
    const claims: TokenGrant = { microvmId: sealed.m, kind: sealed.k, ports, expiresAt: sealed.e };
    if (claims.expiresAt > Date.now()) this.#remember(token, claims);
    return claims;
  }

  #remember(token: string, claims: TokenGrant): void {
    if (this.#opened.size >= cacheSize) this.#opened.delete(this.#opened.keys().next().value!);
    this.#opened.set(token, claims);
  }
}
