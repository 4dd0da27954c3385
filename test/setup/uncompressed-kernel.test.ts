import assert from 'node:assert/strict';
import { test } from 'node:test';
import { zstdCompressSync } from 'node:zlib';
import { uncompressedKernel } from '../../src/setup/uncompressed-kernel.ts';

/** A kernel image with two sectors of set-up code, in which `payload` is packed 16 bytes after them. */
function kernelImage(payload: Buffer): Buffer {
  const packed = zstdCompressSync(payload);
  const head = Buffer.alloc(3 * 512 + 16);
  head.writeUInt8(2, 0x1f1);
  head.write('HdrS', 0x202);
  head.writeUInt32LE(16, 0x248);
  head.writeUInt32LE(packed.length + 4, 0x24c);
  const size = Buffer.alloc(4);
  size.writeUInt32LE(payload.length);
  return Buffer.concat([head, packed, size, Buffer.from('more code')]);
}

test('the ELF file in a kernel image is taken out of it', () => {
  const kernel = Buffer.from('\x7fELF and the rest of the kernel');
  assert.deepEqual(uncompressedKernel(kernelImage(kernel)), kernel);
});

test('what is no kernel image is refused', () => {
  assert.throws(() => uncompressedKernel(Buffer.alloc(4096)), /no kernel image/);
  assert.throws(() => uncompressedKernel(kernelImage(Buffer.from('a script'))), /no ELF file/);
});
