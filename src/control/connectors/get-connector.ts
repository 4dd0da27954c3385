import type { Operation } from '../context.ts';
import { connectorBase } from './connector-view.ts';
import { findConnector } from './find-connector.ts';

/** GetNetworkConnector */
export const getConnector: Operation<'GetNetworkConnector'> = ({ store }, { Identifier }, caller) => {
  const connector = findConnector(store, caller, Identifier);
  return {
    ...connectorBase(connector),
    Version: connector.version,
    StateReason: connector.stateReason ?? undefined,
    LastUpdateStatus: connector.lastUpdateStatus ?? undefined,
    LastUpdateStatusReason: connector.lastUpdateStatusReason ?? undefined,
    LastModified: new Date(connector.lastModified),
  };
};
