/**
 * CRC of a concatenation out of the CRCs of its parts, without reading the data again: what `FULL_OBJECT` checksums
 * of multipart uploads need. Arithmetic on polynomials over GF(2), bits reflected as in the CRCs themselves.
 */
interface Field {
  bits: bigint;
  polynomial: bigint;
}

const FIELDS: Record<'CRC32' | 'CRC32C' | 'CRC64NVME', Field> = {
  CRC32: { bits: 32n, polynomial: 0xedb88320n },
  CRC32C: { bits: 32n, polynomial: 0x82f63b78n },
  CRC64NVME: { bits: 64n, polynomial: 0x9a6c9329ac4bc9b5n },
};

function multiply(a: bigint, b: bigint, { bits, polynomial }: Field): bigint {
  let product = 0n;
  let factor = b;
  for (let mask = 1n << (bits - 1n); mask > 0n; mask >>= 1n) {
    if (a & mask) product ^= factor;
    factor = factor & 1n ? (factor >> 1n) ^ polynomial : factor >> 1n;
  }
  return product;
}

/** x^(8·bytes) */
function shift(bytes: number, field: Field): bigint {
  let result = 1n << (field.bits - 1n);
  let power = result >> 8n; // x^8
  for (let left = BigInt(bytes); left > 0n; left >>= 1n) {
    if (left & 1n) result = multiply(result, power, field);
    power = multiply(power, power, field);
  }
  return result;
}

/** @param parts CRCs (big-endian bytes) with the lengths of what they cover */
export function combineCrcs(
  algorithm: keyof typeof FIELDS,
  parts: readonly { crc: Buffer; length: number }[],
): Buffer {
  const field = FIELDS[algorithm];
  let whole = 0n;
  for (const { crc, length } of parts) {
    whole = multiply(whole, shift(length, field), field) ^ BigInt(`0x${crc.toString('hex')}`);
  }
  return Buffer.from(whole.toString(16).padStart(Number(field.bits) / 4, '0'), 'hex');
}
