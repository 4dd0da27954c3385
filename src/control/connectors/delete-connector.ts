import type { Operation } from '../context.ts';
import { connectorBusy } from '../errors.ts';
import { remember } from '../history.ts';
import { connectorBase } from './connector-view.ts';
import { findConnector } from './find-connector.ts';

/**
 * DeleteNetworkConnector: answers DELETING; the records go afterwards. A second call while it drains succeeds.
 * Decision P18: a connector in use may be deleted.
 */
export const deleteConnector: Operation<'DeleteNetworkConnector'> = (context, { Identifier }, caller) => {
  const { store, clock, connectorWork } = context;
  const connector = findConnector(store, caller, Identifier);
  if (connector.state === 'DELETING') return connectorBase(connector);
  if (connector.state === 'PENDING') throw connectorBusy(connector.arn, connector.state);
  const at = clock.now();
  const next = { ...connector, state: 'DELETING' as const, lastModified: at };
  const reason = `DeleteNetworkConnector was called by ${caller.arn}.`;
  store.transaction(() => {
    store.connectors.update(next);
    const change = { from: connector.state, to: 'DELETING', reason, at };
    remember(store, { kind: 'connector', id: connector.id }, change);
  });
  connectorWork.remove(connector.id);
  return connectorBase(next);
};
