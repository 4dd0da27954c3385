import { sign } from '../../aws/client/sign.ts';
import { SquibError } from '../../errors/squib-error.ts';
import { type SquibOperations, squibModel } from '../../extensions/squib-model.ts';
import type { Connection } from './connection.ts';

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

/** As {@link callSquib}, for operations whose answer is no JSON: their body is the caller's to read. */
export async function fetchSquib<Name extends Operation>(
  connection: Connection,
  name: Name,
  input: Wire<SquibOperations[Name]['input']>,
  signal?: AbortSignal,
): Promise<Response> {
  const { url, method, body } = requestOf(name, input as Record<string, unknown>, connection.endpoint);
  const headers = sign(
    { method, url, headers: { 'content-type': 'application/json' }, body },
    connection,
    'squib',
    Date.now(),
  );
  const options = { method, headers, ...(body !== '' && { body }), ...(signal && { signal }) };
  const response = await fetch(url, options).catch((error) => {
    if (signal?.aborted) throw error;
    throw new SquibError(
      `squib does not answer at ${connection.endpoint}.`,
      "Start it with 'squib up', or correct AWS_ENDPOINT_URL.",
      { cause: error },
    );
  });
  if (!response.ok) throw refusal(name, response, parse(await response.text()));
  return response;
}

/** Puts each member where the model wants it: into the path, the query or the body. */
function requestOf(name: Operation, input: Record<string, unknown>, endpoint: string) {
  const { method, requestUri, input: shape = '' } = squibModel.operations[name]!;
  const members = squibModel.shapes[shape]?.members ?? {};
  const body = { ...input };
  const take = (member: string) => {
    const value = body[member];
    delete body[member];
    return value;
  };
  const path = requestUri.replace(/\{(\w+)\}/g, (_, label) => encodeURIComponent(String(take(label))));
  const url = new URL(path, endpoint);
  for (const [member, { location }] of Object.entries(members)) {
    const value = location === 'querystring' ? take(member) : undefined;
    if (value !== undefined) url.searchParams.set(member, String(value));
  }
  return { url, method, body: method === 'GET' || method === 'DELETE' ? '' : JSON.stringify(body) };
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
