import type { Answer } from '../http/answer.ts';
import { parseQuery } from '../http/query-string.ts';
import type { WireError } from './wire-error.ts';
import { writeXml, type XmlValue } from './xml.ts';

/** A request of the query protocol: an action and its parameters, from the form in the body or from the URL. */
export interface QueryRequest {
  action: string;
  parameters: ReadonlyMap<string, string>;
}

/** @throws WireError for text that cannot be decoded */
export function parseQueryRequest(query: string, body: Buffer): QueryRequest {
  const parameters = new Map<string, string>();
  for (const text of [query, body.toString('utf8').trim()]) {
    for (const [name, value] of parseQuery(text)) parameters.set(name, value);
  }
  return { action: parameters.get('Action') ?? '', parameters };
}

export function queryAnswer(
  action: string,
  namespace: string,
  requestId: string,
  result: { [name: string]: XmlValue },
): Answer {
  return {
    status: 200,
    headers: { 'content-type': 'text/xml' },
    body: writeXml(
      `${action}Response`,
      { [`${action}Result`]: result, ResponseMetadata: { RequestId: requestId } },
      namespace,
    ),
  };
}

export function queryErrorAnswer(
  { code, status, message }: WireError,
  namespace: string,
  requestId: string,
): Answer {
  const Type = status >= 500 ? 'Receiver' : 'Sender';
  return {
    status,
    headers: { 'content-type': 'text/xml' },
    body: writeXml(
      'ErrorResponse',
      { Error: { Type, Code: code, Message: message }, RequestId: requestId },
      namespace,
    ),
  };
}
