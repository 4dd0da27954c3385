import type { Caller } from '../aws/caller.ts';
import { connectorArn, versionNumber } from '../control/arns.ts';
import { defaultEgress } from '../control/managed-connectors.ts';
import type { Store } from '../store/store.ts';

/** What has to be known about stored things before a call on them can be authorized. */
export interface Facts {
  /** Tags of an image or connector; none for what does not exist. */
  tagsOf(arn: string): Record<string, string>;
  /** ARN of the image that a MicroVM runs. */
  imageOfMicrovm(microvmId: string): string | undefined;
  /** Egress connectors that MicroVMs of an image version get when the request names none. */
  egressOf(imageArn: string, imageVersion: string | undefined, region: string): readonly string[];
  /** ARN of the connector that a name, id or ARN means; for one that does not exist, the ARN it would have. */
  connectorArn(identifier: string, caller: Caller): string;
}

/** The facts as the store has them. */
export function storedFacts(
  store: Pick<Store, 'tags' | 'microvms' | 'images' | 'versions' | 'connectors'>,
): Facts {
  return {
    tagsOf: (arn) => store.tags.of(arn),
    imageOfMicrovm: (microvmId) => store.microvms.imageArn(microvmId),
    egressOf(imageArn, imageVersion, region) {
      const image = store.images.byArn(imageArn);
      const number = imageVersion === undefined ? undefined : versionNumber(imageVersion);
      const version =
        image &&
        (number === undefined ? store.versions.latestActive(image.id) : store.versions.get(image.id, number));
      if (version === undefined) return defaultEgress(region);
      const settings = JSON.parse(version.settings) as { egressNetworkConnectors?: string[] };
      return settings.egressNetworkConnectors ?? defaultEgress(region);
    },
    connectorArn(identifier, caller) {
      if (identifier.startsWith('arn:')) return identifier;
      const { connectors } = store;
      // In the order in which the rules look (control/connectors/find-connector.ts), or a name could borrow an id's rights.
      const known =
        connectors.byId(identifier) ?? connectors.byName(caller.accountId, caller.region, identifier);
      return known?.arn ?? connectorArn(caller, identifier);
    },
  };
}
