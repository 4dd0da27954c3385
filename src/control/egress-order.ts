import type { NetworkConnectorConfiguration } from '../aws/models/lambda-core.ts';
import type { Store } from '../store/store.ts';
import type { EgressOrder } from './host.ts';
import { managedConnectorName } from './managed-connectors.ts';

/** What checked egress connectors say to the host. One that is gone says nothing. */
export function egressOrder(store: Store, arns: readonly string[]): EgressOrder {
  const order: EgressOrder = { internet: false, vpcs: [] };
  for (const arn of arns) {
    if (managedConnectorName(arn) === 'INTERNET_EGRESS') order.internet = true;
    const connector = store.connectors.byArn(arn);
    if (connector?.state !== 'ACTIVE') continue;
    const configuration = JSON.parse(connector.configuration) as NetworkConnectorConfiguration;
    const { SubnetIds, SecurityGroupIds } = configuration.VpcEgressConfiguration;
    order.vpcs.push({ subnetIds: SubnetIds ?? [], securityGroupIds: SecurityGroupIds ?? [] });
  }
  return order;
}
