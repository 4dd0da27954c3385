import type { Duplex } from 'node:stream';
import { connect } from 'node:tls';

const handshakeMs = 3000;
/** How long a port that did not answer a TLS handshake is not asked again. */
const deafMs = 10_000;

/** The handshake of TLS over a stream to an application; its certificate says nothing inside a MicroVM. */
function secure(stream: Duplex, protocol: 'h2' | 'http/1.1'): Promise<Duplex> {
  return new Promise((resolve, reject) => {
    const socket = connect({ socket: stream, rejectUnauthorized: false, ALPNProtocols: [protocol] });
    const timer = setTimeout(
      () => socket.destroy(new Error('The TLS handshake took too long.')),
      handshakeMs,
    );
    socket.once('secureConnect', () => {
      clearTimeout(timer);
      socket.off('error', reject);
      resolve(socket);
    });
    socket.once('error', (error) => {
      clearTimeout(timer);
      reject(error);
    });
    socket.on('error', () => socket.destroy());
    socket.once('close', () => reject(new Error('The connection ended during the TLS handshake.')));
  });
}

/** The ports of one MicroVM whose applications speak TLS (decision P12: plain text is tried first). */
export class SecurePorts {
  readonly #secure = new Set<number>();
  readonly #deafUntil = new Map<number, number>();

  has(port: number): boolean {
    return this.#secure.has(port);
  }

  open(stream: Duplex, protocol: 'h2' | 'http/1.1'): Promise<Duplex> {
    return secure(stream, protocol);
  }

  /** True when it is worth finding out whether the port speaks TLS. */
  mayBe(port: number): boolean {
    return !this.#secure.has(port) && (this.#deafUntil.get(port) ?? 0) <= Date.now();
  }

  /**
   * Tries a handshake on a new connection. An application that answers it has not taken the plain-text request
   * before for one.
   * @returns true when the port speaks TLS; from then on {@link has} says so.
   */
  async probe(port: number, dial: () => Promise<Duplex>): Promise<boolean> {
    try {
      (await secure(await dial(), 'http/1.1')).destroy();
      this.#secure.add(port);
      return true;
    } catch {
      this.#deafUntil.set(port, Date.now() + deafMs);
      return false;
    }
  }
}
