/** Ports that an app token opens: all of them, or inclusive ranges. A shell token opens none. */
export type TokenPorts = 'all' | readonly { startPort: number; endPort: number }[];

/**
 * What an auth token says. `expiresAt` in epoch milliseconds. The kind `browser` (one port) is squib's own: it is valid as
 * a cookie only.
 */
export interface TokenGrant {
  microvmId: string;
  kind: 'app' | 'shell' | 'browser';
  ports: TokenPorts;
  expiresAt: number;
}

/** Seals a grant into a token that only this squib can open. The rules are checked before it is called. */
export interface TokenIssuer {
  issue(grant: TokenGrant): Promise<string>;
}
