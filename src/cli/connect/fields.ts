import type { Destination } from './destination.ts';

const perHop = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'http2-settings',
  'host',
  'x-aws-proxy-auth',
  'x-aws-proxy-port',
]);

/** Addresses of the local proxy become the endpoint's: applications compare them with Host. */
function toEndpoint(url: string, endpoint: string): string {
  return url.replace(/^http:\/\/(?:localhost|127\.0\.0\.1|\[::1\])(?::\d+)?(?=\/|$)/i, `https://${endpoint}`);
}

/** Header fields (name, value, …) of a request to the endpoint; `Host` and framing are not among them. */
export function requestFields(
  raw: readonly string[],
  { endpoint, port }: Destination,
  token: string,
): string[] {
  const fields = ['x-aws-proxy-auth', token, 'x-aws-proxy-port', String(port)];
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!;
    const lower = name.toLowerCase();
    if (perHop.has(lower)) continue;
    const address = lower === 'origin' || lower === 'referer';
    fields.push(name, address ? toEndpoint(raw[at + 1]!, endpoint) : raw[at + 1]!);
  }
  return fields;
}

/** Header fields of an answer for the local client: what leads to the endpoint leads to the proxy. */
export function answerFields(raw: readonly string[], { endpoint }: Destination): string[] {
  const fields: string[] = [];
  const prefix = `https://${endpoint}`.toLowerCase();
  for (let at = 0; at < raw.length; at += 2) {
    const name = raw[at]!;
    let value = raw[at + 1]!;
    const lower = name.toLowerCase();
    if (perHop.has(lower)) continue;
    if (lower === 'location' && `${value}/`.toLowerCase().startsWith(`${prefix}/`)) {
      value = value.slice(prefix.length) || '/';
    } else if (lower === 'set-cookie') {
      value = value.replace(/;\s*domain=[^;]*/i, '');
    }
    fields.push(name, value);
  }
  return fields;
}

/** True when the endpoint itself refuses the token: its keys are new, for example. */
export function isDenial(status: number | undefined, headers: NodeJS.Dict<string | string[]>): boolean {
  const length = String('Token authentication failed'.length);
  return (
    status === 403 && headers['cache-control'] === 'private, no-store' && headers['content-length'] === length
  );
}
