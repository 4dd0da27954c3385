import type { S3Request as Permissions } from '../../authorization/s3-actions.ts';
import type { Log } from '../../log/log.ts';
import type { ObjectStore } from '../../store/object-store.ts';
import type { Caller } from '../caller.ts';
import type { ExternalS3 } from '../client/external-s3.ts';
import type { Answer } from '../http/answer.ts';
import type { Incoming } from '../http/incoming.ts';
import { parseQuery } from '../http/query-string.ts';
import type { WireError } from '../protocol/wire-error.ts';
import { readXml, writeXml } from '../protocol/xml.ts';
import { newOutcome, type Outcome, type PartialOutcome } from '../service.ts';
import type { Authenticator } from '../sigv4/authenticate.ts';
import { parseSignature } from '../sigv4/parse-signature.ts';
import { copySource } from './commands/copy-object.ts';
import { forward } from './forward.ts';
import { findRoute } from './routes.ts';
import { s3Error, toS3Error } from './s3-error.ts';
import type { S3Request } from './s3-request.ts';
import { parseTarget } from './target.ts';
import { openUpload } from './upload.ts';

/** Largest XML body (a CompleteMultipartUpload of 10 000 parts), in bytes. */
const LARGEST_XML = 4 * 1024 * 1024;

export interface S3FrontDoorOptions {
  store: ObjectStore;
  /** Keeps buckets and objects instead of `store`. */
  external?: ExternalS3;
  authenticator: Authenticator;
  /** Under which `bucket.<domain>` names a bucket. */
  domains: readonly string[];
  /** Permissions; whoever is authenticated may do everything without it. */
  check?: CheckS3;
  log: Log;
}

/** @throws ServiceError `AccessDenied` */
export type CheckS3 = (caller: Caller, operation: string, request: Permissions) => void;

function firstValues(query: string): Map<string, string> {
  const values = new Map<string, string>();
  for (const [name, value] of parseQuery(query)) if (!values.has(name)) values.set(name, value);
  return values;
}

function claimedPayload(incoming: Incoming, presigned: boolean): string {
  const claimed =
    incoming.header('x-amz-content-sha256') ??
    (presigned ? firstValues(incoming.query).get('X-Amz-Content-Sha256') : undefined);
  if (claimed !== undefined) {
    const known =
      /^([0-9a-f]{64}|UNSIGNED-PAYLOAD|STREAMING-(AWS4-HMAC-SHA256-PAYLOAD(-TRAILER)?|UNSIGNED-PAYLOAD-TRAILER))$/;
    if (known.test(claimed)) return claimed;
    throw s3Error(
      'InvalidArgument',
      'x-amz-content-sha256 must be UNSIGNED-PAYLOAD, STREAMING-UNSIGNED-PAYLOAD-TRAILER, STREAMING-AWS4-HMAC-SHA256-PAYLOAD, STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER or a valid sha256 value.',
    );
  }
  if (presigned) return 'UNSIGNED-PAYLOAD';
  throw s3Error('InvalidRequest', 'Missing required header for this request: x-amz-content-sha256');
}

/** S3 over rest-xml. The signature is checked before a byte of the body is read. */
export class S3FrontDoor {
  readonly #options: S3FrontDoorOptions;

  constructor(options: S3FrontDoorOptions) {
    this.#options = options;
  }

  async handle(incoming: Incoming): Promise<Outcome> {
    const outcome = newOutcome();
    try {
      const answer = await this.#run(incoming, outcome);
      answer.headers = { 'x-amz-request-id': incoming.requestId, ...answer.headers };
      return { ...outcome, answer };
    } catch (error) {
      let known = toS3Error(error);
      if (!known && incoming.message.destroyed && !incoming.message.complete) {
        known = s3Error('RequestTimeout', 'The client went away before its request was complete.');
      }
      if (!known) {
        this.#options.log.error('s3 request failed', { requestId: incoming.requestId, error });
        known = s3Error('InternalError', 'We encountered an internal error. Please try again.');
      }
      return { ...outcome, error: known, answer: errorAnswer(incoming, known) };
    }
  }

  async #run(incoming: Incoming, outcome: PartialOutcome): Promise<Answer> {
    const { store, external, authenticator, domains, check } = this.#options;
    const parameters = parseSignature(incoming);
    if (!parameters && /(^|&)AWSAccessKeyId=/.test(incoming.query)) {
      throw s3Error(
        'InvalidRequest',
        'The authorization mechanism you have provided is not supported. Please use AWS4-HMAC-SHA256.',
      );
    }
    // A session's body is not hashed by anybody; checksums of S3's own hold for it as for others.
    const unsigned = incoming.session ? 'UNSIGNED-PAYLOAD' : '';
    const payload = parameters ? claimedPayload(incoming, parameters.form === 'query') : unsigned;
    const { caller, signingKey } = authenticator.authenticate(incoming, parameters, 's3', payload);
    outcome.caller = caller;
    const { bucket, key } = parseTarget(incoming.path, incoming.header('host')!, domains);
    const query = firstValues(incoming.query);
    outcome.input = {
      ...(bucket !== '' && { bucketName: bucket }),
      ...(key !== '' && { key }),
    };
    const target = { incoming, bucket, key, query };
    const { name, command } = findRoute(target);
    outcome.operation = name;
    outcome.readOnly = incoming.method === 'GET' || incoming.method === 'HEAD';
    const source = copySource({ incoming });
    const prefix = query.get('prefix');
    const delimiter = query.get('delimiter');
    check?.(caller, name, {
      ...{ bucket, key },
      ...(source && { source }),
      ...(prefix !== undefined && { prefix }),
      ...(delimiter !== undefined && { delimiter }),
      ...(query.has('max-keys') && { maxKeys: Number(query.get('max-keys')) }),
    });
    const upload = () =>
      openUpload(incoming, payload, parameters && signingKey && { parameters, signingKey });
    const request: S3Request = {
      ...target,
      caller,
      store,
      upload,
      checkKey: (each) => check?.(caller, name, { bucket, keys: [each] }),
      text: () => wholeBody(upload),
      xml: async (root) => readXml(await wholeBody(upload), root),
    };
    return external ? forward(request, payload, external) : command(request);
  }
}

/** A small body, verified like an object's. */
async function wholeBody(upload: S3Request['upload']): Promise<string> {
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of upload().body) {
    size += chunk.length;
    if (size > LARGEST_XML) throw s3Error('EntityTooLarge', 'The XML of your request is larger than allowed');
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString();
}

function errorAnswer(incoming: Incoming, error: WireError): Answer {
  const { code, status, message, members } = error;
  return {
    status,
    headers: { 'content-type': 'application/xml', 'x-amz-request-id': incoming.requestId, ...error.headers },
    body:
      incoming.method === 'HEAD'
        ? ''
        : writeXml('Error', {
            Code: code,
            Message: message,
            ...(members as Record<string, string> | undefined),
            Resource: incoming.path,
            RequestId: incoming.requestId,
            HostId: 'squib',
          }),
  };
}
