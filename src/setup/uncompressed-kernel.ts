import { zstdDecompressSync } from 'node:zlib';

const SECTOR = 512;
/** Offsets in the head of a kernel (Linux: Documentation/arch/x86/boot.rst). */
const [SETUP_SECTORS, MAGIC, PAYLOAD_OFFSET, PAYLOAD_LENGTH] = [0x1f1, 0x202, 0x248, 0x24c];

/**
 * The ELF file that is packed in a kernel image (bzImage) with zstd, as Debian's are.
 * @throws Error when it is something else.
 */
export function uncompressedKernel(image: Buffer): Buffer {
  if (image.toString('latin1', MAGIC, MAGIC + 4) !== 'HdrS') throw new Error('this is no kernel image');
  const start = (image.readUInt8(SETUP_SECTORS) + 1) * SECTOR + image.readUInt32LE(PAYLOAD_OFFSET);
  // Behind the packed data stands the size of the kernel.
  const packed = image.subarray(start, start + image.readUInt32LE(PAYLOAD_LENGTH) - 4);
  const kernel = zstdDecompressSync(packed);
  if (kernel.toString('latin1', 1, 4) !== 'ELF') throw new Error('the kernel image holds no ELF file');
  return kernel;
}
