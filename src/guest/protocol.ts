/** The channel's wire format; docs/channel.md describes it, guest-agent/protocol.h is the other end. */
export const protocolVersion = 1;
export const headerSize = 8;
export const payloadMax = 32_768;
export const nonceSize = 16;
/** Begins every connection, and occurs nowhere else in what the host sends. */
export const marker = Buffer.from('f39dc871e593b68ed4a97bc295ffffff', 'hex');
/** What the agent may send on one stream before it needs more credit, in bytes. */
export const receiveWindow = 262_144;
/** The longest specification of a container, in bytes. */
export const bodyMax = 1_048_576;

export const frameType = {
  hello: 1,
  goodbye: 2,
  fault: 3,
  request: 4,
  reply: 5,
  event: 6,
  body: 7,
  open: 16,
  opened: 17,
  refused: 18,
  data: 19,
  credit: 20,
  end: 21,
  reset: 22,
  resize: 23,
  exit: 24,
  signal: 25,
} as const;

/** 1, 2 and 6 are opened by the host, the others by the agent. */
export const streamKind = { tcp: 1, shell: 2, metadata: 3, names: 4, query: 5, exec: 6, api: 7 } as const;
export const execFlag = { terminal: 1, files: 2 } as const;
export const refusal = { portClosed: 1, limit: 2, noContainer: 3, failed: 4, badRequest: 5 } as const;
export const request = {
  start: 1,
  freeze: 2,
  thaw: 3,
  sync: 4,
  powerOff: 5,
  ping: 6,
  network: 7,
  scrub: 8,
  rehearse: 9,
} as const;
export const replyOk = 0;
export const eventContainerExit = 1;
export const containerState = { none: 0, running: 1, exited: 2 } as const;
export const thawFlag = { restored: 1, resetConnections: 2 } as const;

/** Stream 0 is for control; these two are the container's output; odd ones are opened by the host, other even ones by the agent. */
export const controlStream = 0;
export const stdoutStream = 2;
export const stderrStream = 4;

export interface Frame {
  stream: number;
  type: number;
  payload: Buffer;
}

/** Writes a frame's header into `target`. */
export function writeHeader(target: Buffer, stream: number, type: number, length: number): void {
  target.writeUInt32LE(stream, 0);
  target[4] = type;
  target.writeUIntLE(length, 5, 3);
}

/** A number as the protocol carries it. */
export function uint32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4);
  bytes.writeUInt32LE(value);
  return bytes;
}

/** The stream id after `id`: odd, below 2^24, and its lowest byte is not ff (so that no header completes a marker). */
export function followingStreamId(id: number): number {
  let next = id + 2;
  if ((next & 0xff) === 0xff) next += 2;
  return next < 2 ** 24 ? next : 1;
}

/** Cuts bytes into payloads of which none is too long or holds the marker. */
export function* payloadsOf(bytes: Buffer): Generator<Buffer> {
  let from = 0;
  let found = bytes.indexOf(marker);
  while (from < bytes.length) {
    let to = Math.min(from + payloadMax, bytes.length);
    if (found >= 0 && found + marker.length <= to) {
      to = found + marker.length / 2;
      found = bytes.indexOf(marker, to);
    }
    yield bytes.subarray(from, to);
    from = to;
  }
}
