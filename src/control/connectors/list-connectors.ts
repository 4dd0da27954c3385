import type { Operation } from '../context.ts';
import { nextToken, pageRequest } from '../paging.ts';
import { connectorSummary } from './connector-view.ts';

/** ListNetworkConnectors: newest first; the filter works on what the page holds. A page has at most 50 items. */
export const listConnectors: Operation<'ListNetworkConnectors'> = ({ store }, input, caller) => {
  const request = pageRequest('connectors', input.MaxItems, input.Marker);
  const { rows, more } = store.connectors.page(caller.accountId, caller.region, request);
  const wanted = rows.filter(({ state }) => input.State === undefined || state === input.State);
  return {
    NetworkConnectors: wanted.map(connectorSummary),
    NextMarker: nextToken('connectors', more, rows.at(-1)?.seq),
  };
};
