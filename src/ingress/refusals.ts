/** An answer of the proxy itself (spec: networking-and-proxy section 3). Bodies are plain text or empty. */
export interface Refusal {
  readonly status: number;
  readonly body: string;
  /** More header fields: name, value, … */
  readonly fields?: readonly string[];
}

const refusal = (status: number, body: string): Refusal => ({ status, body });

/** Every answer that does not come from an application. */
export const refusals = {
  missingAuthentication: refusal(403, 'Request missing authentication'),
  authenticationFailed: refusal(403, 'Token authentication failed'),
  portDenied: refusal(403, 'Access to port denied'),
  /** Decision P4: no text is recorded for the 400s, 429 and 500; they get a short plain one. */
  badPort: refusal(400, 'Invalid port'),
  badRequest: refusal(400, 'Bad request'),
  badSubprotocols: refusal(400, 'Invalid WebSocket subprotocols'),
  /** Off the AWS path: answers about browser links. */
  linkUnusable: refusal(
    403,
    'This link has been used or has expired. Open the MicroVM again where you got it.',
  ),
  otherOrigin: refusal(403, 'Request from another origin'),
  requestTimeout: refusal(408, 'Request header took too long'),
  headTooLarge: refusal(431, 'Request header too large'),
  tooManyRequests: refusal(429, 'Too many requests'),
  internal: refusal(500, 'Internal error'),
  /** Suspended without auto-resume, terminated, pending, nobody listening, or not HTTP. */
  unavailable: refusal(502, ''),
} as const;

/** Fields of a refusal as a flat list of names and values. */
export function refusalFields(answer: Refusal, requestId: string): string[] {
  const fields = ['x-amzn-requestid', requestId, 'cache-control', 'private, no-store'];
  if (answer.fields) fields.push(...answer.fields);
  // Decision P5: no type is recorded; the bodies are plain text.
  if (answer.body) fields.push('content-type', 'text/plain');
  fields.push('content-length', String(Buffer.byteLength(answer.body)));
  return fields;
}
