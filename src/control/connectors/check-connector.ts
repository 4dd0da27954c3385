import type { NetworkConnectorConfiguration } from '../../aws/models/lambda-core.ts';
import * as errors from '../errors.ts';

/** What the service asks of a connector beyond its model (spec: control-plane 7.1). @throws ServiceError */
export function checkConfiguration(configuration: NetworkConnectorConfiguration): void {
  const { SubnetIds, NetworkProtocol, AssociatedComputeResourceTypes } = configuration.VpcEgressConfiguration;
  if (!SubnetIds?.length) throw errors.connectorFieldMissing('SubnetIds');
  if (!NetworkProtocol) throw errors.connectorFieldMissing('NetworkProtocol');
  if (!AssociatedComputeResourceTypes?.length) {
    throw errors.connectorFieldMissing('AssociatedComputeResourceTypes');
  }
}
