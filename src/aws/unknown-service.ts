import type { Incoming } from './http/incoming.ts';
import { SMALL_BODY } from './http/limits.ts';
import { readBody } from './http/read-body.ts';
import { jsonRpcErrorAnswer, targetAction } from './protocol/json-rpc.ts';
import { parseQueryRequest, queryErrorAnswer } from './protocol/query.ts';
import { WireError } from './protocol/wire-error.ts';
import { newOutcome, type Outcome } from './service.ts';

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
  const message = `squib does not have the AWS service '${service}' (${action}). It has: ${known.join(', ')}.`;
  const error = new WireError(isForm ? 'InvalidAction' : 'UnknownOperationException', 400, message);
  const answer = isForm
    ? queryErrorAnswer(error, 'http://webservices.amazon.com/AWSFault/2005-15-09', incoming.requestId)
    : jsonRpcErrorAnswer(error);
  return { ...newOutcome(), error, answer };
}
