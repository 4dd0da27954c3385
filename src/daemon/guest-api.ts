import type { Duplex } from 'node:stream';
import { createFrontDoor, type FrontDoorOptions } from '../aws/front-door.ts';

/**
 * The API as MicroVMs reach it, one connection at a time; the same signatures and permissions as everywhere, and without
 * the web console and what is for monitoring.
 */
export function guestApi(options: FrontDoorOptions): (stream: Duplex, microvmId: string) => void {
  const { webConsole: _console, probes: _probes, ...services } = options;
  const server = createFrontDoor(services).createServer();
  // What the audit record names as the source.
  return (stream, microvmId) =>
    server.emit('connection', Object.assign(stream, { remoteAddress: microvmId }));
}
