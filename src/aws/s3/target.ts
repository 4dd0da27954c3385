import { s3Error } from './s3-error.ts';

/** Longest key, in bytes of UTF-8. */
const LONGEST_KEY = 1024;

export interface S3Target {
  bucket: string;
  key: string;
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw s3Error('InvalidArgument', 'The request path holds percent-encoding that cannot be decoded');
  }
}

/**
 * The bucket that a host name stands for: `bucket.localhost`, `bucket.s3.localhost`, `bucket.s3.<region>.localhost`.
 * @param domains under which squib answers
 */
export function bucketOfHost(host: string, domains: readonly string[]): string | undefined {
  const name = host.replace(/:\d+$/, '').toLowerCase();
  const domain = domains.find((candidate) => name.endsWith(`.${candidate}`));
  if (domain === undefined) return undefined;
  const left = name.slice(0, -domain.length - 1);
  if (/^s3([.-][a-z0-9-]+)?$/.test(left)) return undefined;
  return left.replace(/\.s3([.-][a-z0-9-]+)?$/, '');
}

/** @throws `InvalidArgument` | `KeyTooLongError` */
export function parseTarget(path: string, host: string, domains: readonly string[]): S3Target {
  const fromHost = bucketOfHost(host, domains);
  const rest = path.slice(1);
  const at = rest.indexOf('/');
  const [bucket, key] =
    fromHost !== undefined
      ? [fromHost, decode(rest)]
      : at < 0
        ? [decode(rest), '']
        : [decode(rest.slice(0, at)), decode(rest.slice(at + 1))];
  if (Buffer.byteLength(key) > LONGEST_KEY) {
    throw s3Error('KeyTooLongError', 'Your key is too long', { MaxSizeAllowed: String(LONGEST_KEY) });
  }
  return { bucket, key };
}

/** AWS's rules for names of general purpose buckets. */
export function isBucketName(name: string): boolean {
  return (
    /^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name) &&
    !name.includes('..') &&
    !/^\d+\.\d+\.\d+\.\d+$/.test(name) &&
    !name.startsWith('xn--')
  );
}
