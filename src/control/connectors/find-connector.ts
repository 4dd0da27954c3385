import type { Caller } from '../../aws/caller.ts';
import type { ConnectorRow } from '../../store/connectors.ts';
import type { Store } from '../../store/store.ts';
import { connectorArn } from '../arns.ts';
import { connectorNotFound } from '../errors.ts';

/** The caller's connector by ARN, id or name. @throws ServiceError 404 naming the ARN that was looked for. */
export function findConnector(store: Store, caller: Caller, identifier: string): ConnectorRow {
  const isArn = identifier.startsWith('arn:');
  const connector = isArn
    ? store.connectors.byArn(identifier)
    : (store.connectors.byId(identifier) ??
      store.connectors.byName(caller.accountId, caller.region, identifier));
  if (connector?.account !== caller.accountId || connector.region !== caller.region) {
    throw connectorNotFound(isArn ? identifier : connectorArn(caller, identifier));
  }
  return connector;
}
