import type { Duplex } from 'node:stream';

/** The part of an exchange that a splice needs. */
interface Holder {
  /** Bytes crossed the endpoint. */
  touch(): void;
  /** Called by the exchange when the MicroVM is suspended or ends. */
  onCut(listener: () => void): void;
  done(): void;
}

/** Passes bytes from one stream to the other with back-pressure. */
function pass(from: Duplex, to: Duplex, touch: () => void): void {
  from.on('data', (chunk: Buffer) => {
    touch();
    if (!to.write(chunk)) from.pause();
  });
  to.on('drain', () => from.resume());
  from.on('end', () => to.end());
}

/**
 * Joins a client and an application byte by byte until one of them ends; the other is ended or cut with it.
 * Decision P19: a MicroVM's suspend or end cuts both without a close frame. Decision P20: extensions, compression
 * among them, are between client and application.
 */
export function splice(
  client: Duplex,
  fromClient: Buffer | undefined,
  guest: Duplex,
  fromGuest: Buffer | undefined,
  holder: Holder,
): void {
  const cut = () => {
    holder.done();
    client.destroy();
    guest.destroy();
  };
  holder.onCut(cut);
  for (const stream of [client, guest]) {
    stream.on('error', cut);
    stream.on('close', cut);
  }
  if (client.destroyed || guest.destroyed) {
    cut();
    return;
  }
  if (fromGuest) client.write(fromGuest);
  if (fromClient) guest.write(fromClient);
  pass(client, guest, () => holder.touch());
  pass(guest, client, () => holder.touch());
  client.resume();
  guest.resume();
}
