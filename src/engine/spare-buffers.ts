export const BUFFER_BYTES = 1024 * 1024;
/** More are left to the garbage collector. */
const KEPT = 4;

const spare: Buffer[] = [];

/**
 * Lends a buffer of 1 MiB. Every suspend and resume needs some; what the garbage collector frees late, and the
 * allocator in pieces, would make the daemon grow for a long time.
 */
export async function withBuffer<T>(use: (buffer: Buffer) => Promise<T>): Promise<T> {
  const buffer = spare.pop() ?? Buffer.allocUnsafeSlow(BUFFER_BYTES);
  try {
    return await use(buffer);
  } finally {
    if (spare.length < KEPT) spare.push(buffer);
  }
}
