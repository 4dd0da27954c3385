import type { ObjectInfo } from '../../store/object-types.ts';
import type { Incoming } from '../http/incoming.ts';
import { s3Error } from './s3-error.ts';

function matches(list: string, etag: string): boolean {
  return list.split(',').some((entry) => {
    const value = entry.trim().replace(/^W\//, '');
    return value === '*' || value === `"${etag}"` || value === etag;
  });
}

function seconds(epochMilliseconds: number): number {
  return Math.floor(epochMilliseconds / 1000);
}

/** Undefined for a date that cannot be read: HTTP ignores such a condition. */
function date(text: string | undefined): number | undefined {
  const parsed = text === undefined ? Number.NaN : Date.parse(text);
  return Number.isNaN(parsed) ? undefined : seconds(parsed);
}

function preconditionFailed(condition: string): Error {
  return s3Error('PreconditionFailed', 'At least one of the pre-conditions you specified did not hold', {
    Condition: condition,
  });
}

/**
 * Conditions of a read (RFC 9110 section 13).
 * @param prefix `x-amz-copy-source-` for the source of a copy
 * @returns 'notModified' when the client's copy is still good. @throws `PreconditionFailed`
 */
export function checkRead(request: Incoming, info: ObjectInfo, prefix = ''): 'proceed' | 'notModified' {
  const ifMatch = request.header(`${prefix}if-match`);
  const ifNoneMatch = request.header(`${prefix}if-none-match`);
  const unmodifiedSince = date(request.header(`${prefix}if-unmodified-since`));
  const modifiedSince = date(request.header(`${prefix}if-modified-since`));
  const modified = seconds(info.modifiedAt);
  if (ifMatch !== undefined) {
    if (!matches(ifMatch, info.etag)) throw preconditionFailed('If-Match');
  } else if (unmodifiedSince !== undefined && modified > unmodifiedSince) {
    throw preconditionFailed('If-Unmodified-Since');
  }
  if (ifNoneMatch !== undefined) return matches(ifNoneMatch, info.etag) ? 'notModified' : 'proceed';
  return modifiedSince !== undefined && modified <= modifiedSince ? 'notModified' : 'proceed';
}

/** Conditions of a write. @returns undefined when the request has none */
export function writeCondition(request: Incoming): ((existing: ObjectInfo | undefined) => void) | undefined {
  const ifMatch = request.header('if-match');
  const ifNoneMatch = request.header('if-none-match');
  if (ifMatch === undefined && ifNoneMatch === undefined) return undefined;
  return (existing) => {
    if (ifNoneMatch !== undefined && existing && matches(ifNoneMatch, existing.etag)) {
      throw preconditionFailed('If-None-Match');
    }
    if (ifMatch === undefined) return;
    if (!existing) throw s3Error('NoSuchKey', 'The specified key does not exist.');
    if (!matches(ifMatch, existing.etag)) throw preconditionFailed('If-Match');
  };
}
