import type { Caller } from '../../aws/caller.ts';
import type { Context } from '../context.ts';
import { badPort } from '../errors.ts';
import { microvmView } from '../microvms/microvm-view.ts';
import type { TokenGrant } from '../tokens.ts';
import { longestMinutes, microvmForToken } from './mint.ts';

export interface BrowserLinkRequest {
  microvmIdentifier: string;
  /** 8080 by default. */
  port?: number;
  /** Where the browser is sent to; `/` by default. */
  path?: string;
  /** How long the browser may go on; 60 by default, and at most. */
  expirationInMinutes?: number;
}

/** What a browser may do that opens a link, and the endpoint (`host` or `host:port`) that the link is for. */
export interface BrowserGrant {
  grant: TokenGrant;
  endpoint: string;
  path: string;
}

/** squib's own: like a token for one port, in the states that CreateMicrovmAuthToken accepts. */
export function browserGrant(context: Context, request: BrowserLinkRequest, caller: Caller): BrowserGrant {
  const { microvmIdentifier, port = 8080, path = '/', expirationInMinutes = longestMinutes } = request;
  if (port < 1 || port > 65_535) throw badPort(`${port} is not a port.`);
  const microvm = microvmForToken(context, caller, { microvmIdentifier, expirationInMinutes });
  const { endpoint = '' } = microvmView(microvm, context.config);
  const expiresAt = context.clock.now() + expirationInMinutes * 60_000;
  const ports = [{ startPort: port, endPort: port }];
  return { grant: { microvmId: microvm.id, kind: 'browser', ports, expiresAt }, endpoint, path };
}
