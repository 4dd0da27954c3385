import { type SquibOperations, squibModel } from '../../../src/extensions/squib-model.ts';
import { ApiError, toApiError } from './api-error.ts';
import { type LambdaOperations, lambdaPaths } from './lambda.ts';
import { CSRF_HEADER, csrfToken } from './session.ts';
import type { Wire } from './wire.ts';

type Operations = LambdaOperations & SquibOperations;
type Input<Name extends keyof Operations> = Wire<Operations[Name]['input']>;
export type Output<Name extends keyof Operations> = Wire<Operations[Name]['output']>;

const endListeners = new Set<() => void>();

/** Tells when squib says that the session is over. @returns what ends the listening */
export function onSessionEnd(listener: () => void): () => void {
  endListeners.add(listener);
  return () => endListeners.delete(listener);
}

export interface Request {
  /** Signing name of the service. */
  service: string;
  method: string;
  /** With query, percent-encoded. */
  path: string;
  headers?: Record<string, string>;
  body?: BodyInit;
  signal?: AbortSignal;
}

/** Sends a request to a service through the console's way. @throws ApiError */
export async function request({ service, path, method, headers, ...rest }: Request): Promise<Response> {
  const init = { ...rest, method, headers: { ...headers, [CSRF_HEADER]: csrfToken() } };
  const response = await fetch(`/console/api/${service}${path}`, init).catch((error: Error) => {
    throw error.name === 'AbortError' ? error : ApiError.unreachable();
  });
  if (response.ok) return response;
  const error = await toApiError(response);
  if (error.code === 'NotSignedIn') for (const listener of endListeners) listener();
  throw error;
}

/** Calls an operation of Lambda's services or of squib's own. @throws ApiError */
export async function call<Name extends keyof Operations>(
  name: Name,
  input: Input<Name>,
  signal?: AbortSignal,
): Promise<Output<Name>> {
  const response = await request({ ...toRequest(name, input), ...(signal && { signal }) });
  const text = await response.text();
  // One of the services writes null for what is absent; here it is absent.
  return (text === '' ? {} : JSON.parse(text, (_, value: unknown) => value ?? undefined)) as Output<Name>;
}

/** The HTTP request of an operation: labels into the path, the rest into the query or the body. */
export function toRequest<Name extends keyof Operations>(name: Name, input: Input<Name>): Request {
  const [service, method, uri] = placeOf(name);
  const left: Record<string, unknown> = { ...(input as Record<string, unknown>) };
  const path = uri.replace(/\{(\w+)\}/g, (_, label: string) => {
    const value = left[label];
    delete left[label];
    return encodeURIComponent(String(value));
  });
  if (method === 'GET' || method === 'DELETE') {
    const query = new URLSearchParams();
    for (const [key, value] of Object.entries(left)) {
      for (const each of Array.isArray(value) ? value : [value]) {
        if (each !== undefined) query.append(key, String(each));
      }
    }
    return { service, method, path: query.size > 0 ? `${path}?${query}` : path };
  }
  const headers = { 'content-type': 'application/json' };
  return { service, method, path, headers, body: JSON.stringify(left) };
}

function placeOf(name: keyof Operations): [service: string, method: string, uri: string] {
  const own = squibModel.operations[name];
  if (own) return ['squib', own.method, own.requestUri];
  const [method, uri] = lambdaPaths[name as keyof LambdaOperations];
  return ['lambda', method, uri];
}
