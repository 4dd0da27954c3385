import type { Server } from 'node:http';
import { createFrontDoor, type FrontDoorOptions } from '../aws/front-door.ts';
import type { Config } from '../config/config.ts';
import { SquibError } from '../errors/squib-error.ts';
import { listenAddresses } from './listen-addresses.ts';

export interface Api {
  /** Stops listening and cuts idle connections; answers under way are finished. */
  close(): Promise<void>;
}

/**
 * Listens for AWS clients on the configured address.
 * @throws SquibError when the port cannot be bound.
 */
export async function startApi(config: Config, options: FrontDoorOptions): Promise<Api> {
  const door = createFrontDoor(options);
  const servers = listenAddresses(config.api.host).map((host) => ({ host, server: door.createServer() }));
  const close = () => Promise.all(servers.map(({ server }) => closed(server))).then(() => {});
  try {
    for (const { host, server } of servers) await listen(server, host, config.api.port);
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const problem = `The API cannot listen on ${host}:${port} (${error.code}).`;
      reject(
        new SquibError(problem, 'Stop what uses the port, or change the setting api.port.', { cause: error }),
      );
    });
    server.listen(port, host, resolve);
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
