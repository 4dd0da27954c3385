const CLUSTER_BITS = 16;
const CLUSTER = 1 << CLUSTER_BITS;
/** Bytes of disk that one cluster of the second-level table describes (8-byte entries). */
const BYTES_PER_L1_ENTRY = CLUSTER * (CLUSTER / 8);
const HEADER_LENGTH = 104;
const MAGIC = 0x514649fb;
const BACKING_FORMAT_EXTENSION = 0xe2792aca;

/**
 * An empty copy-on-write disk over another one: the layout of QEMU's docs/interop/qcow2.rst, version 3, in four
 * clusters: header, reference count table, reference counts, first-level table. Written here because a few
 * numbers are quicker than starting qemu-img for each new machine.
 * @param virtualBytes size that the guest sees; that of the disk below.
 * @param backing name and format of the disk below, for tools and people; the engine names it to QEMU anew each time.
 */
export function emptyOverlay(
  virtualBytes: number,
  backing: { file: string; format: 'raw' | 'qcow2' },
): Buffer {
  const l1Entries = Math.ceil(virtualBytes / BYTES_PER_L1_ENTRY);
  if (l1Entries * 8 > CLUSTER)
    throw new RangeError(`no disk of ${virtualBytes} bytes: the table takes one cluster`);
  const image = Buffer.alloc(4 * CLUSTER);
  const format = Buffer.from(backing.format);
  const nameOffset = HEADER_LENGTH + 8 + Math.ceil(format.length / 8) * 8 + 8;
  const name = Buffer.from(backing.file);
  image.writeUInt32BE(MAGIC, 0);
  image.writeUInt32BE(3, 4); // version
  image.writeBigUInt64BE(BigInt(nameOffset), 8);
  image.writeUInt32BE(name.length, 16);
  image.writeUInt32BE(CLUSTER_BITS, 20);
  image.writeBigUInt64BE(BigInt(virtualBytes), 24);
  image.writeUInt32BE(l1Entries, 36);
  image.writeBigUInt64BE(BigInt(3 * CLUSTER), 40); // first-level table
  image.writeBigUInt64BE(BigInt(CLUSTER), 48); // reference count table
  image.writeUInt32BE(1, 56); // clusters of that table
  image.writeUInt32BE(4, 96); // reference counts are 1 << 4 bits wide
  image.writeUInt32BE(HEADER_LENGTH, 100);
  image.writeUInt32BE(BACKING_FORMAT_EXTENSION, HEADER_LENGTH);
  image.writeUInt32BE(format.length, HEADER_LENGTH + 4);
  format.copy(image, HEADER_LENGTH + 8);
  name.copy(image, nameOffset);
  image.writeBigUInt64BE(BigInt(2 * CLUSTER), CLUSTER);
  for (let used = 0; used < 4; used++) image.writeUInt16BE(1, 2 * CLUSTER + 2 * used);
  return image;
}

/** Size that the guest sees, from the first bytes of an overlay. */
export function virtualSize(header: Buffer): number {
  return Number(header.readBigUInt64BE(24));
}
