import type { Duplex } from 'node:stream';

/** Hands on no more streams than so many at once, and closes the others. */
export function limited(most: number, take: (stream: Duplex) => void): (stream: Duplex) => void {
  const open = new Set<Duplex>();
  return (stream) => {
    stream.on('error', () => {}); // the guest gave it up
    if (open.size >= most) {
      stream.destroy();
      return;
    }
    open.add(stream);
    stream.once('close', () => open.delete(stream));
    take(stream);
  };
}
