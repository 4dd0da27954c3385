import type { Server } from 'node:http';
import { createFrontDoor, type FrontDoorOptions } from '../aws/front-door.ts';
import type { Config } from '../config/config.ts';
import { SquibError } from '../errors/squib-error.ts';
import type { ListenOn } from './inherited-sockets.ts';
import { listenAddresses } from './listen-addresses.ts';

export interface Api {
  /** Stops listening and cuts idle connections; answers under way are finished. */
  close(): Promise<void>;
}

/**
 * Listens for AWS clients on the configured address.
 * @param inherited descriptors to listen on instead, where there are any.
 * @throws SquibError when the port cannot be bound.
 */
export async function startApi(
  config: Config,
  inherited: readonly number[],
  options: FrontDoorOptions,
): Promise<Api> {
  const door = createFrontDoor(options);
  const { port } = config.api;
  const addresses = listenAddresses(config.api.host).map((host): ListenOn => ({ host, port }));
  const places = inherited.length > 0 ? inherited.map((fd): ListenOn => ({ fd })) : addresses;
  const servers = places.map((place) => ({ place, server: door.createServer() }));
  const close = () => Promise.all(servers.map(({ server }) => closed(server))).then(() => {});
  try {
    for (const { place, server } of servers) await listen(server, place);
  } catch (error) {
    await close();
    throw error;
  }
  return { close };
}

function listen(server: Server, place: ListenOn): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error: NodeJS.ErrnoException) => {
      const where = 'fd' in place ? `the socket that it was given` : `${place.host}:${place.port}`;
      const problem = `The API cannot listen on ${where} (${error.code}).`;
      reject(
        new SquibError(problem, 'Stop what uses the port, or change the setting api.port.', { cause: error }),
      );
    });
    server.listen(place, resolve);
  });
}

function closed(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeIdleConnections();
  });
}
