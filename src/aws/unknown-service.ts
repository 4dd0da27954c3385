import { Readable } from 'node:stream';
import type { Answer } from './http/answer.ts';
import type { Incoming } from './http/incoming.ts';
import { SMALL_BODY } from './http/limits.ts';
import { readBody } from './http/read-body.ts';
import { jsonRpcErrorAnswer, targetAction } from './protocol/json-rpc.ts';
import { parseQueryRequest, queryErrorAnswer } from './protocol/query.ts';
import { WireError } from './protocol/wire-error.ts';
import { writeXml } from './protocol/xml.ts';
import { newOutcome, type Outcome } from './service.ts';

/** Services whose protocol is rest-xml; nothing in a request shows it. */
const REST_XML = new Set(['cloudfront', 'route53']);

/** The `Action` of a form; empty when there is none to be read. */
async function formAction(incoming: Incoming): Promise<string> {
  try {
    return parseQueryRequest(incoming.query, await readBody(incoming.message, SMALL_BODY)).action;
  } catch {
    return '';
  }
}

/**
 * The answer to a signed request for a service that squib does not have, in the form that the client's protocol can
 * show: it names the service, the action, and what there is.
 */
export async function answerUnknownService(
  incoming: Incoming,
  service: string,
  known: readonly string[],
): Promise<Outcome> {
  const target = incoming.header('x-amz-target');
  const isForm = incoming.header('content-type')?.startsWith('application/x-www-form-urlencoded') ?? false;
  const named = isForm ? await formAction(incoming) : targetAction(target);
  const action = (named || `${incoming.method} ${incoming.path}`).slice(0, 200);
  const what =
    service === 'lambda'
      ? `squib has only MicroVMs and network connectors of AWS Lambda, not ${action}`
      : `squib does not have the AWS service '${service}' (${action})`;
  const error = new WireError(
    isForm ? 'InvalidAction' : 'UnknownOperationException',
    400,
    `${what}. It has: ${known.join(', ')}.`,
  );
  return { ...newOutcome(), error, answer: inProtocol(incoming, service, isForm, error) };
}

function inProtocol(incoming: Incoming, service: string, isForm: boolean, error: WireError): Answer {
  const { requestId } = incoming;
  if (incoming.header('smithy-protocol') === 'rpc-v2-cbor') return cborError(error);
  if (service === 'ec2') return ec2Error(error, requestId);
  if (isForm || REST_XML.has(service)) {
    return queryErrorAnswer(error, 'http://webservices.amazon.com/AWSFault/2005-15-09', requestId);
  }
  return jsonRpcErrorAnswer(error);
}

/** EC2 has the query protocol with errors of its own. */
function ec2Error({ code, status, message }: WireError, requestId: string): Answer {
  return {
    status,
    headers: { 'content-type': 'text/xml' },
    body: writeXml('Response', { Errors: { Error: { Code: code, Message: message } }, RequestID: requestId }),
  };
}

/** A map of two texts in CBOR (RFC 8949). */
function cborError({ code, status, message }: WireError): Answer {
  const text = (value: string) => {
    const bytes = Buffer.from(value);
    return Buffer.concat([Buffer.of(0x79, bytes.length >> 8, bytes.length & 0xff), bytes]);
  };
  const body = Buffer.concat([
    Buffer.of(0xa2),
    ...['__type', code, 'message', message].map((value) => text(value)),
  ]);
  return {
    status,
    headers: {
      ...{ 'content-type': 'application/cbor', 'smithy-protocol': 'rpc-v2-cbor' },
      'content-length': String(body.length),
    },
    body: Readable.from([body]),
  };
}
