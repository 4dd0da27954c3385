import type {
  CreateNetworkConnectorResponse,
  NetworkConnectorConfiguration,
  NetworkConnectorSummary,
} from '../../aws/models/lambda-core.ts';
import type { ConnectorRow } from '../../store/connectors.ts';

/** The six members that every answer has (spec: control-plane 7.1). */
export function connectorBase(connector: ConnectorRow): CreateNetworkConnectorResponse {
  return {
    Arn: connector.arn,
    Name: connector.name,
    Id: connector.id,
    Configuration: JSON.parse(connector.configuration) as NetworkConnectorConfiguration,
    OperatorRole: connector.operatorRole,
    State: connector.state,
  };
}

/** A connector as lists show it; only here stands its type. */
export function connectorSummary(connector: ConnectorRow): NetworkConnectorSummary {
  return {
    Arn: connector.arn,
    Name: connector.name,
    Id: connector.id,
    Type: 'VPC_EGRESS',
    State: connector.state,
    LastModified: new Date(connector.lastModified),
  };
}
