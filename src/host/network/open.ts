import type { Config } from '../../config/config.ts';
import type { DataLayout } from '../../config/layout.ts';
import type { Log } from '../../log/log.ts';
import { MetadataService } from '../metadata/metadata-service.ts';
import type { RoleKeys } from '../metadata/role-keys.ts';
import { NameService } from '../names/name-service.ts';
import { GuestNetworking } from './guest-networking.ts';
import { hostResolvers } from './host-network.ts';
import { MicrovmNetworks } from './microvm-networks.ts';

/** Network, names and metadata, composed. @throws SquibError when this machine cannot have them */
export async function openGuestNetworking(
  config: Config,
  layout: DataLayout,
  roleKeys: RoleKeys,
  log: Log,
): Promise<GuestNetworking> {
  const networks = await MicrovmNetworks.open({
    ...{ dataDir: config.dataDir, stateFile: layout.networks, log },
  });
  const names = new NameService({ servers: () => hostResolvers('all'), log });
  const metadata = new MetadataService(roleKeys, log);
  return new GuestNetworking({ networks, names, metadata, config, log });
}
