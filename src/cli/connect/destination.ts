import { existsSync, readFileSync } from 'node:fs';
import { type ConnectionOptions, getCACertificates } from 'node:tls';
import type { Connection } from '../api/connection.ts';
import type { TokenSource } from './token-source.ts';

/** One port of one MicroVM, as the local proxy reaches it. */
export interface Destination {
  /** `host` or `host:port`, as the API gives it. */
  endpoint: string;
  /** In the MicroVM. */
  port: number;
  /** Where and how to open a TLS connection. */
  dial: ConnectionOptions & { host: string; port: number; servername: string };
  tokens: TokenSource;
}

/**
 * Where an endpoint is found. Names below `localhost` are this machine to every resolver, and the squib may be another
 * one: such an endpoint is where its API is.
 * @param caFile the local authority's certificate, trusted besides those of the system
 */
export function dialOf(
  endpoint: string,
  connection: Connection,
  caFile: string | undefined,
): Destination['dial'] {
  const url = new URL(`https://${endpoint}`);
  const { hostname } = url;
  const local = hostname === 'localhost' || hostname.endsWith('.localhost');
  const host = local ? new URL(connection.endpoint).hostname.replace(/^\[|\]$/g, '') : hostname;
  return { host, port: Number(url.port || 443), servername: hostname, ca: trusted(caFile) };
}

function trusted(caFile: string | undefined): string[] {
  const all = [...getCACertificates('default'), ...getCACertificates('system')];
  if (caFile !== undefined && existsSync(caFile)) all.push(readFileSync(caFile, 'utf8'));
  return all;
}
