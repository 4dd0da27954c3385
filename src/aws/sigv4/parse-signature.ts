import { parseQuery } from '../http/query-string.ts';
import { SignatureError } from './signature-error.ts';
import type { SignableRequest, SignatureParameters } from './types.ts';

const ALGORITHM = 'AWS4-HMAC-SHA256';
const TIMESTAMP = /^\d{8}T\d{6}Z$/;
/** Seven days, the longest that AWS lets a presigned URL live. */
const LONGEST_EXPIRY_SECONDS = 604_800;

function incomplete(message: string): SignatureError {
  return new SignatureError('incomplete', message);
}

function parseCredential(credential: string) {
  // An access key id may not hold a slash, so exactly five parts are left.
  const parts = credential.split('/');
  if (parts.length !== 5 || parts.some((part) => part === '')) {
    throw incomplete(
      `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${credential}'`,
    );
  }
  const [accessKeyId, date, region, service, terminator] = parts as [string, string, string, string, string];
  if (terminator !== 'aws4_request') {
    throw new SignatureError(
      'wrongScope',
      "Credential should be scoped with a valid terminator: 'aws4_request'.",
    );
  }
  return { accessKeyId, date, region, service };
}

function parseSignedHeaders(list: string): string[] {
  const names = list.toLowerCase().split(';');
  if (names.length > 100) throw incomplete('too many SignedHeaders');
  return names;
}

function parseSignatureDigits(text: string): string {
  // Anything else cannot match; refusing here keeps the comparison at one length.
  if (!/^[0-9a-f]{64}$/.test(text))
    throw new SignatureError('mismatch', 'the signature is not 64 hexadecimal digits');
  return text;
}

/** `x-amz-date`, or else the `Date` header, as `YYYYMMDDTHHMMSSZ`. */
function headerTimestamp(request: SignableRequest): string {
  const amzDate = request.header('x-amz-date');
  if (amzDate !== undefined) {
    if (!TIMESTAMP.test(amzDate)) {
      throw incomplete(
        `Date must be in ISO-8601 'basic format'. Got '${amzDate}'. See http://en.wikipedia.org/wiki/ISO_8601`,
      );
    }
    return amzDate;
  }
  const date = request.header('date');
  if (date === undefined) {
    throw incomplete("Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.");
  }
  if (TIMESTAMP.test(date)) return date;
  const parsed = new Date(date);
  if (Number.isNaN(parsed.getTime())) throw incomplete(`the Date header cannot be read: '${date}'`);
  return `${parsed.toISOString().slice(0, 19).replaceAll(/[-:]/g, '')}Z`;
}

function fromHeader(request: SignableRequest, authorization: string): SignatureParameters {
  const [algorithm] = authorization.split(' ', 1);
  if (algorithm !== ALGORITHM) {
    throw new SignatureError(
      'unsupported',
      `squib verifies ${ALGORITHM} only; the request is signed with '${algorithm}'`,
    );
  }
  const fields = new Map<string, string>();
  for (const part of authorization.slice(ALGORITHM.length).split(',')) {
    const [, name, value] = /^\s*(\w+)=(\S*)\s*$/.exec(part) ?? [];
    if (name === undefined || value === undefined || fields.has(name)) {
      throw incomplete(
        `'${part.trim()}' not a valid key=value pair (missing equal-sign) in Authorization header`,
      );
    }
    fields.set(name, value);
  }
  const need = (name: string): string => {
    const value = fields.get(name);
    if (!value) throw incomplete(`Authorization header requires '${name}' parameter.`);
    return value;
  };
  const credential = parseCredential(need('Credential'));
  const token = request.header('x-amz-security-token');
  return {
    form: 'header',
    ...credential,
    signedHeaders: parseSignedHeaders(need('SignedHeaders')),
    signature: parseSignatureDigits(need('Signature')),
    timestamp: headerTimestamp(request),
    ...(token !== undefined && { sessionToken: token }),
  };
}

function fromQuery(query: ReadonlyMap<string, string>): SignatureParameters {
  const need = (name: string): string => {
    const value = query.get(name);
    if (!value) throw incomplete(`Query-string authentication requires the '${name}' parameter.`);
    return value;
  };
  if (need('X-Amz-Algorithm') !== ALGORITHM) {
    throw new SignatureError('unsupported', `squib verifies ${ALGORITHM} only`);
  }
  const credential = parseCredential(need('X-Amz-Credential'));
  const timestamp = need('X-Amz-Date');
  if (!TIMESTAMP.test(timestamp))
    throw incomplete(`X-Amz-Date must be in the ISO8601 Long Format "yyyyMMdd'T'HHmmss'Z'"`);
  const expires = need('X-Amz-Expires');
  if (!/^\d{1,7}$/.test(expires)) throw incomplete('X-Amz-Expires should be a number');
  if (Number(expires) > LONGEST_EXPIRY_SECONDS) {
    throw incomplete('X-Amz-Expires must be less than a week (in seconds) that is 604800');
  }
  const token = query.get('X-Amz-Security-Token');
  return {
    form: 'query',
    ...credential,
    signedHeaders: parseSignedHeaders(need('X-Amz-SignedHeaders')),
    signature: parseSignatureDigits(need('X-Amz-Signature')),
    timestamp,
    expiresIn: Number(expires),
    ...(token !== undefined && { sessionToken: token }),
  };
}

/** @returns undefined for a request without any signature. @throws SignatureError for one that cannot be read */
export function parseSignature(request: SignableRequest): SignatureParameters | undefined {
  const authorization = request.header('authorization');
  const presigned = request.query.includes('X-Amz-');
  const query = presigned ? parseQuery(request.query) : [];
  const inQuery = query.some(([name]) => name === 'X-Amz-Algorithm' || name === 'X-Amz-Signature');
  if (authorization !== undefined && inQuery) {
    throw new SignatureError(
      'unsupported',
      'Only one auth mechanism allowed; send either a header or a query signature',
    );
  }
  if (authorization !== undefined) return fromHeader(request, authorization);
  if (!inQuery) return undefined;
  const parameters = new Map<string, string>();
  for (const [name, value] of query) {
    if (name.startsWith('X-Amz-') && parameters.has(name))
      throw incomplete(`duplicate query parameter '${name}'`);
    parameters.set(name, value);
  }
  return fromQuery(parameters);
}
