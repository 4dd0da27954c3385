import { s3Error } from './s3-error.ts';

/** Both ends inclusive, in bytes. */
export interface ByteRange {
  start: number;
  end: number;
}

/**
 * One `bytes=` range of an object.
 * @returns undefined when the header does not apply (several ranges, other units): the whole object is the answer then
 * @throws `InvalidRange`
 */
export function parseRange(header: string | undefined, size: number): ByteRange | undefined {
  const [, first = '', last = ''] = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? '') ?? [];
  if (first === '' && last === '') return undefined;
  const range =
    first === ''
      ? { start: Math.max(size - Number(last), 0), end: size - 1 }
      : { start: Number(first), end: last === '' ? size - 1 : Math.min(Number(last), size - 1) };
  if (first !== '' && last !== '' && Number(last) < Number(first)) return undefined;
  if (range.start >= size || (first === '' && Number(last) === 0)) {
    throw s3Error('InvalidRange', 'The requested range is not satisfiable', {
      RangeRequested: header!,
      ActualObjectSize: String(size),
    });
  }
  return range;
}
