import { sign } from '../../aws/client/sign.ts';
import { SquibError } from '../../errors/squib-error.ts';
import { type SquibOperations, squibModel } from '../../extensions/squib-model.ts';
import type { Connection } from './connection.ts';
import { requestOf } from './request.ts';
import { unreachable } from './unreachable.ts';

/** A value as JSON carries it: times are ISO 8601 texts. */
export type Wire<T> = T extends Date ? string : T extends object ? { [Name in keyof T]: Wire<T[Name]> } : T;

export type Operation = keyof SquibOperations;

/**
 * Calls one of squib's own operations, signed like any AWS call.
 * @throws SquibError when squib does not answer, or answers with an error (its own words)
 */
export async function callSquib<Name extends Operation>(
  connection: Connection,
  name: Name,
  input: Wire<SquibOperations[Name]['input']>,
): Promise<Wire<SquibOperations[Name]['output']>> {
  const response = await fetchSquib(connection, name, input);
  return parse(await response.text()) as Wire<SquibOperations[Name]['output']>;
}

/**
 * As {@link callSquib}, for operations whose answer is no JSON: their body is the caller's to read.
 * @param stream the body of an operation that takes one as it comes
 */
export async function fetchSquib<Name extends Operation>(
  connection: Connection,
  name: Name,
  input: Wire<SquibOperations[Name]['input']>,
  { signal, stream }: { signal?: AbortSignal | undefined; stream?: ReadableStream } = {},
): Promise<Response> {
  const { path, method, body } = requestOf(squibModel, name, input as Record<string, unknown>);
  const url = new URL(path, connection.endpoint);
  const unsigned = { method, url, headers: { 'content-type': 'application/json' }, body };
  const payload = stream && { payload: 'UNSIGNED-PAYLOAD' };
  const headers = sign({ ...unsigned, ...payload }, connection, 'squib', Date.now());
  const sent = stream ? { body: stream, duplex: 'half' as const } : body !== '' && { body };
  const response = await fetch(url, { method, headers, ...sent, ...(signal && { signal }) }).catch(
    (error) => {
      throw signal?.aborted ? error : unreachable(connection, error);
    },
  );
  if (!response.ok) throw refusal(name, response, parse(await response.text()));
  return response;
}

function parse(text: string): Record<string, unknown> {
  if (text === '') return {};
  try {
    return (JSON.parse(text) as Record<string, unknown> | null) ?? {};
  } catch {
    // Not squib's: a proxy in between, or another server on that port.
    return {};
  }
}

function refusal(name: string, response: Response, answer: Record<string, unknown>): SquibError {
  const said = answer.message ?? answer.Message;
  const message = typeof said === 'string' ? said : `${name} failed with HTTP status ${response.status}.`;
  if (response.status === 403) {
    return new SquibError(message, 'Use credentials that may do this, such as those of the root: squib env.');
  }
  return new SquibError(message, 'Correct what it names, or look into the log of squib.');
}
