import { sign } from '../../aws/client/sign.ts';
import { SquibError } from '../../errors/squib-error.ts';
import { type SquibOperations, squibModel } from '../../extensions/squib-model.ts';
import type { Connection } from './connection.ts';

/** A value as JSON carries it: times are ISO 8601 texts. */
export type Wire<T> = T extends Date ? string : T extends object ? { [Name in keyof T]: Wire<T[Name]> } : T;

/**
 * Calls one of squib's own operations, signed like any AWS call.
 * @throws SquibError when squib does not answer, or answers with an error (its own words)
 */
export async function callSquib<Name extends keyof SquibOperations>(
  connection: Connection,
  name: Name,
  input: Wire<SquibOperations[Name]['input']>,
): Promise<Wire<SquibOperations[Name]['output']>> {
  const operation = squibModel.operations[name]!;
  const body = { ...(input as Record<string, unknown>) };
  const path = operation.requestUri.replace(/\{(\w+)\}/g, (_, label: string) => {
    const value = body[label];
    delete body[label];
    return encodeURIComponent(String(value));
  });
  const url = new URL(path, connection.endpoint);
  const { method } = operation;
  const text = method === 'GET' || method === 'DELETE' ? '' : JSON.stringify(body);
  const headers = sign(
    { method, url, headers: { 'content-type': 'application/json' }, body: text },
    connection,
    'squib',
    Date.now(),
  );
  const response = await fetch(url, { method, headers, ...(text !== '' && { body: text }) }).catch(
    (error) => {
      throw new SquibError(
        `squib does not answer at ${connection.endpoint}.`,
        "Start it with 'squib up', or correct AWS_ENDPOINT_URL.",
        { cause: error },
      );
    },
  );
  const answer = parse(await response.text());
  if (!response.ok) throw refusal(name, response, answer);
  return answer as Wire<SquibOperations[Name]['output']>;
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
  return new SquibError(message, `'squib help credentials' shows what is expected.`);
}
