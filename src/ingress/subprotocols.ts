/** The value that marks a list of WebSocket subprotocols as meant for the proxy. */
export const marker = 'lambda-microvms';
const authentication = 'lambda-microvms.authentication.';
const port = 'lambda-microvms.port.';

/** What a client asks of the proxy in `Sec-WebSocket-Protocol` (spec: networking-and-proxy 2 and 5.1). */
export interface Subprotocols {
  /** True if the marker was offered; the 101 answer must then select a value. */
  marked: boolean;
  token: string | undefined;
  port: string | undefined;
  /** What is left for the application. */
  application: string[];
}

/** @returns undefined when the list cannot be used: ours without the marker, twice the same, or no tokens. */
export function readSubprotocols(value: string): Subprotocols | undefined {
  const found: Subprotocols = { marked: false, token: undefined, port: undefined, application: [] };
  for (const part of value.split(',')) {
    const entry = part.trim();
    if (!/^[!#$%&'*+\-.^_`|~\w]+$/.test(entry)) return undefined;
    if (entry === marker) {
      found.marked = true;
    } else if (entry.startsWith(authentication)) {
      if (found.token !== undefined) return undefined;
      found.token = entry.slice(authentication.length);
    } else if (entry.startsWith(port)) {
      if (found.port !== undefined) return undefined;
      found.port = entry.slice(port.length);
    } else if (!entry.startsWith(`${marker}.`)) {
      found.application.push(entry);
    }
  }
  if (!found.marked && (found.token !== undefined || found.port !== undefined)) return undefined;
  return found;
}
