import type { Caller } from '../../aws/caller.ts';
import type {
  CreateNetworkConnectorRequest,
  CreateNetworkConnectorResponse,
} from '../../aws/models/lambda-core.ts';
import { connectorArn } from '../arns.ts';
import type { Context, Operation } from '../context.ts';
import * as errors from '../errors.ts';
import { remember } from '../history.ts';
import { once } from '../idempotency.ts';
import { checkTags } from '../tags/check-tags.ts';
import { checkConfiguration } from './check-connector.ts';
import { connectorBase } from './connector-view.ts';

/** CreateNetworkConnector: answers PENDING; the connector becomes ACTIVE afterwards. */
export const createConnector: Operation<'CreateNetworkConnector'> = (context, input, caller) => {
  if (!input.ClientToken) throw errors.clientTokenMissing();
  const request = { token: input.ClientToken, input };
  const moment = { store: context.store, now: context.clock.now() };
  const { answer, fresh } = once(moment, caller, 'CreateNetworkConnector', request, () =>
    record(context, input, caller, moment.now),
  );
  if (fresh) context.connectorWork.activate(answer.Id);
  return answer;
};

function record(
  { store, random, config }: Context,
  input: CreateNetworkConnectorRequest,
  caller: Caller,
  now: number,
): CreateNetworkConnectorResponse {
  if (!input.OperatorRole) throw errors.operatorRoleMissing();
  checkConfiguration(input.Configuration);
  checkTags(input.Tags ?? {});
  const { accountId: account, region } = caller;
  if (store.connectors.byName(account, region, input.Name) !== undefined) {
    throw errors.connectorNameTaken(input.Name);
  }
  const limit = config.quotas.networkConnectors;
  if (store.connectors.count(account, region) >= limit) throw errors.connectorQuota(limit);
  const id = `nc-${random.uuid()}`;
  const arn = connectorArn(caller, id);
  store.connectors.insert({
    ...{ id, arn, account, region, name: input.Name, version: 1 },
    configuration: JSON.stringify(input.Configuration),
    operatorRole: input.OperatorRole,
    ...{ state: 'PENDING', stateReason: null, lastUpdateStatus: null, lastUpdateStatusReason: null },
    lastModified: now,
  });
  store.tags.put(arn, input.Tags ?? {});
  const reason = `CreateNetworkConnector was called by ${caller.arn}.`;
  remember(store, { kind: 'connector', id }, { from: null, to: 'PENDING', reason, at: now });
  return connectorBase(store.connectors.byId(id)!);
}
