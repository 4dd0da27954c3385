import { createHash } from 'node:crypto';
import { crc32 } from 'node:zlib';
import { Crc64Nvme, crc32c } from './crc.ts';

/** Algorithms of S3's `x-amz-checksum-*` headers, in the spelling of `ChecksumAlgorithm`. */
export const CHECKSUM_ALGORITHMS = ['CRC32', 'CRC32C', 'CRC64NVME', 'SHA1', 'SHA256'] as const;
export type ChecksumAlgorithm = (typeof CHECKSUM_ALGORITHMS)[number];

export interface Checksum {
  update(data: Uint8Array): void;
  digest(): Buffer;
}

function crcOf32(step: (data: Uint8Array, before: number) => number): Checksum {
  let value = 0;
  return {
    update: (data) => {
      value = step(data, value);
    },
    digest: () => {
      const result = Buffer.alloc(4);
      result.writeUInt32BE(value >>> 0);
      return result;
    },
  };
}

export function createChecksum(algorithm: ChecksumAlgorithm): Checksum {
  switch (algorithm) {
    case 'CRC32':
      return crcOf32((data, before) => crc32(data, before));
    case 'CRC32C':
      return crcOf32((data, before) => crc32c(data, before));
    case 'CRC64NVME':
      return new Crc64Nvme();
    default: {
      const hash = createHash(algorithm === 'SHA1' ? 'sha1' : 'sha256');
      return { update: (data) => void hash.update(data), digest: () => hash.digest() };
    }
  }
}

/** `x-amz-checksum-crc32` → `CRC32`; undefined for a header that is no checksum. */
export function algorithmOfHeader(header: string): ChecksumAlgorithm | undefined {
  const name = header
    .toLowerCase()
    .replace(/^x-amz-checksum-/, '')
    .toUpperCase();
  return CHECKSUM_ALGORITHMS.find((algorithm) => algorithm === name);
}
