import type { Duplex } from 'node:stream';
import type { Config } from '../../config/config.ts';
import type { EgressOrder } from '../../control/host.ts';
import type { Tap } from '../../engine/engine.ts';
import type { GuestNetwork, UpwardListener } from '../../guest/guest-connection.ts';
import type { Log } from '../../log/log.ts';
import type { MetadataClient, MetadataService } from '../metadata/metadata-service.ts';
import type { NameService } from '../names/name-service.ts';
import { domainRulesFor, mayBeAsked, mayBeNamed } from './egress.ts';
import { egressPolicy } from './egress-order.ts';
import { limited } from './limited.ts';
import type { MicrovmNetworks, Traffic } from './microvm-networks.ts';

/** Connections to the API that one MicroVM may have open; more are closed at once. */
const mostApiConnections = 64;

/** What a guest is connected to besides its channel. */
export interface GuestSide {
  /** Its address, once the rules for it stand; undefined: none. */
  network: Promise<GuestNetwork | undefined>;
  onUpward: UpwardListener;
}

export interface GuestNetworkingParts {
  networks: MicrovmNetworks;
  names: NameService;
  metadata: MetadataService;
  config: Pick<Config, 'networks' | 'securityGroups'>;
  log: Log;
}

/** Network, names and metadata of MicroVMs and build VMs. */
export class GuestNetworking {
  readonly #parts: GuestNetworkingParts;

  #api: ((stream: Duplex, microvmId: string) => void) | undefined;

  constructor(parts: GuestNetworkingParts) {
    this.#parts = parts;
  }

  /** What connections to the API are handed to from now on; until then they are closed. */
  serveApi(api: (stream: Duplex, microvmId: string) => void): void {
    this.#api = api;
  }

  /** The wire of a machine that is about to start; nothing passes until {@link admit}. */
  attach(id: string): Promise<Tap> {
    return this.#parts.networks.attach(id);
  }

  /** Sets the rules ahead that a machine will probably be admitted with. @returns the address for its guest */
  prepare(id: string, egress: EgressOrder): Promise<GuestNetwork | undefined> {
    return this.#parts.networks.admit(id, egressPolicy(egress, this.#parts.config));
  }

  /** The wire of a machine that gets another id. */
  pass(from: string, to: string): void {
    this.#parts.networks.pass(from, to);
  }

  /** Begins to let a machine out as its connectors say; the rules stand when `network` resolves. */
  admit(egress: EgressOrder | undefined, client: MetadataClient): GuestSide {
    const { networks, names, metadata, config } = this.#parts;
    const id = client.microvmId;
    const policy = egressPolicy(egress ?? { internet: false, vpcs: [] }, config);
    const network = networks.admit(id, policy);
    network.catch(() => {}); // looked at when the guest is given its address
    const nameClient = names.forClient({
      mayBeAsked: (name) => mayBeAsked(policy, name),
      mayBeNamed: (address, name) =>
        mayBeNamed(policy, networks.own, address) ||
        domainRulesFor(policy, networks.own, name, address).length > 0,
      answered: (name, addresses) => networks.learn(id, name, addresses),
    });
    const metadataClient = metadata.forClient(client);
    const toApi = limited(mostApiConnections, (stream) => {
      if (this.#api) this.#api(stream, id);
      else stream.destroy();
    });
    const onUpward: UpwardListener = (kind, stream, query) => {
      if (kind === 'metadata') metadataClient.connection(stream);
      else if (kind === 'api') toApi(stream);
      else if (kind === 'names') nameClient.connection(stream);
      else nameClient.query(stream, query);
    };
    return { network, onUpward };
  }

  /** To be called when the machine is gone: its wire may be another's next. */
  async release(id: string): Promise<Traffic | undefined> {
    const traffic = await this.#parts.networks.release(id);
    if (traffic) this.#parts.log.info('microvm.traffic', { microvmId: id, ...traffic });
    return traffic;
  }

  /** What crossed a machine's card so far, at most a second ago; undefined when it has no way out. */
  async traffic(id: string): Promise<Traffic | undefined> {
    return (await this.#parts.networks.recentTraffic()).get(id);
  }

  /** Releases what belongs to none of these. */
  retain(ids: ReadonlySet<string>): Promise<void> {
    return this.#parts.networks.retain(ids);
  }

  close(): Promise<void> {
    return this.#parts.networks.close();
  }
}
