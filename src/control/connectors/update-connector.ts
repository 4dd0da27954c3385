import type { Caller } from '../../aws/caller.ts';
import type {
  UpdateNetworkConnectorRequest,
  UpdateNetworkConnectorResponse,
} from '../../aws/models/lambda-core.ts';
import type { Context, Operation } from '../context.ts';
import { clientTokenMissing, connectorBusy } from '../errors.ts';
import { once } from '../idempotency.ts';
import { checkConfiguration } from './check-connector.ts';
import { connectorBase } from './connector-view.ts';
import { findConnector } from './find-connector.ts';

/** UpdateNetworkConnector: the state stays ACTIVE; MicroVMs that run keep what they were started with. */
export const updateConnector: Operation<'UpdateNetworkConnector'> = (context, input, caller) => {
  if (!input.ClientToken) throw clientTokenMissing();
  const request = { token: input.ClientToken, input };
  const moment = { store: context.store, now: context.clock.now() };
  const { answer } = once(moment, caller, 'UpdateNetworkConnector', request, () =>
    record(context, input, caller, moment.now),
  );
  return answer;
};

function record(
  { store }: Context,
  input: UpdateNetworkConnectorRequest,
  caller: Caller,
  now: number,
): UpdateNetworkConnectorResponse {
  const connector = findConnector(store, caller, input.Identifier);
  if (connector.state !== 'ACTIVE') throw connectorBusy(connector.arn, connector.state);
  if (input.Configuration !== undefined) checkConfiguration(input.Configuration);
  const configuration = input.Configuration ? JSON.stringify(input.Configuration) : connector.configuration;
  const operatorRole = input.OperatorRole ?? connector.operatorRole;
  const same = configuration === connector.configuration && operatorRole === connector.operatorRole;
  const next = {
    ...connector,
    ...{ configuration, operatorRole },
    version: same ? connector.version : connector.version + 1,
    lastUpdateStatus: 'Successful' as const,
    lastUpdateStatusReason: same ? 'No configuration changes detected' : 'Configuration updated',
    lastModified: now,
  };
  store.connectors.update(next);
  return {
    ...connectorBase(next),
    LastUpdateStatus: next.lastUpdateStatus,
    LastUpdateStatusReason: next.lastUpdateStatusReason,
    LastModified: new Date(now),
  };
}
