import { once } from 'node:events';
import { createServer } from 'node:net';
import { listenAddresses } from '../../daemon/listen-addresses.ts';
import { endpointPorts } from '../../ingress/server.ts';

/** The port that the endpoints would take now where none is configured: what the daemon does, before it runs. */
export async function firstFreePort(host: string): Promise<number> {
  const ports = endpointPorts(0);
  for (const port of ports) if (await isFree(host, port)) return port;
  return ports.at(-1)!;
}

async function isFree(host: string, port: number): Promise<boolean> {
  for (const address of listenAddresses(host)) {
    const server = createServer().listen({ host: address, port });
    const free = await once(server, 'listening').then(
      () => true,
      () => false,
    );
    server.close();
    if (!free) return false;
  }
  return true;
}
