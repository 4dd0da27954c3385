import { sign } from '../../aws/client/sign.ts';
import { loadModel } from '../../aws/protocol/load-model.ts';
import { SquibError } from '../../errors/squib-error.ts';
import type { Connection } from './connection.ts';
import { requestOf } from './request.ts';
import { unreachable } from './unreachable.ts';

/** An AWS service of squib's refused a call; `code` is its name for the reason. */
export class Refused extends SquibError {
  override readonly name = 'Refused';
  readonly code: string;
  constructor(code: string, message: string) {
    super(message, 'Correct what it names, or look into the log of squib.');
    this.code = code;
  }
}

export interface AwsRequest {
  /** Signing name. */
  service: string;
  method: string;
  /** With query, percent-encoded. */
  path: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
}

/**
 * Sends one signed request to squib.
 * @returns the text of the answer
 * @throws Refused, or SquibError when squib does not answer
 */
export async function callAws(connection: Connection, request: AwsRequest): Promise<string> {
  const { service, method, path, headers: given = {}, body = '' } = request;
  const url = new URL(path, connection.endpoint);
  const headers = sign({ method, url, headers: given, body }, connection, service, Date.now());
  const sent = body.length > 0 ? { body: typeof body === 'string' ? body : new Uint8Array(body) } : {};
  const response = await fetch(url, { method, headers, ...sent }).catch((error) => {
    throw unreachable(connection, error);
  });
  const text = await response.text();
  if (!response.ok) throw refusal(response, text);
  return text;
}

function refusal(response: Response, text: string): Refused {
  const fromXml = (name: string) => new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
  let json: Record<string, string> = {};
  try {
    json = JSON.parse(text) ?? {};
  } catch {
    // XML, or not squib's answer at all.
  }
  const code = response.headers.get('x-amzn-errortype') ?? json.__type ?? fromXml('Code') ?? '';
  const message = json.message ?? json.Message ?? fromXml('Message');
  return new Refused(code, message ?? `squib answered with HTTP status ${response.status}.`);
}

const model = loadModel('lambda-microvms');

/** Calls an operation of Lambda MicroVMs; members as in AWS's model. @throws Refused */
export async function callLambda<Output>(
  connection: Connection,
  name: string,
  input: Record<string, unknown>,
): Promise<Output> {
  const { method, path, body } = requestOf(model, name, input);
  const headers = { 'content-type': 'application/json' };
  const text = await callAws(connection, { service: 'lambda', method, path, headers, body });
  return (text === '' ? {} : JSON.parse(text)) as Output;
}

/** Calls an operation of CloudWatch Logs. @throws Refused */
export async function callLogs<Output>(
  connection: Connection,
  action: string,
  input: Record<string, unknown>,
): Promise<Output> {
  const headers = { 'content-type': 'application/x-amz-json-1.1', 'x-amz-target': `Logs_20140328.${action}` };
  const body = JSON.stringify(input);
  return JSON.parse(await callAws(connection, { service: 'logs', method: 'POST', path: '/', headers, body }));
}

/** Twelve digits. */
export async function callerAccount(connection: Connection): Promise<string> {
  const headers = { 'content-type': 'application/x-www-form-urlencoded' };
  const body = 'Action=GetCallerIdentity&Version=2011-06-15';
  const text = await callAws(connection, { service: 'sts', method: 'POST', path: '/', headers, body });
  return /<Account>(\d+)</.exec(text)?.[1] ?? '';
}
