import type { CreateNetworkConnectorRequest } from '../../aws/models/lambda-core.ts';
import { compileConstraints } from '../../aws/protocol/constraints.ts';
import { loadModel } from '../../aws/protocol/load-model.ts';
import type { Made, ResourceType, Work } from './resource-type.ts';
import { isMissing, tags, text } from './values.ts';

const check = compileConstraints(loadModel('lambda-core'));
const pollMs = 200;

async function settled({ services, caller }: Work, Identifier: string): Promise<Made> {
  for (;;) {
    const connector = await services.lambda.GetNetworkConnector({ Identifier }, caller);
    const State = connector.State ?? '';
    if (State === 'ACTIVE') return { physicalId: Identifier, attributes: { Arn: Identifier, State } };
    if (State === 'FAILED')
      throw new Error(`The network connector ${Identifier} is FAILED. ${connector.StateReason ?? ''}`);
    await services.sleep(pollMs);
  }
}

const settings = ({ properties }: Work) => ({
  Configuration: properties.Configuration as unknown as CreateNetworkConnectorRequest['Configuration'],
  ...(properties.OperatorRole !== undefined && { OperatorRole: text(properties, 'OperatorRole') as string }),
});

export const networkConnector: ResourceType = {
  type: 'AWS::Lambda::NetworkConnector',
  properties: ['Name', 'Configuration', 'OperatorRole', 'Tags'],
  required: ['Configuration'],
  nameProperty: 'Name',
  replacing: ['Name'],

  async create(work) {
    const { services, caller, name, token, properties, stackTags } = work;
    const input = { ...settings(work), Name: name, ClientToken: token, Tags: tags(properties, stackTags) };
    check('CreateNetworkConnectorRequest')(input);
    const { Arn } = await services.lambda.CreateNetworkConnector(input, caller);
    work.made(Arn);
    return settled(work, Arn);
  },
  async update(change) {
    const { services, caller, physicalId, token, properties, stackTags } = change;
    const input = { ...settings(change), Identifier: physicalId, ClientToken: token };
    check('UpdateNetworkConnectorRequest')(input);
    await services.lambda.UpdateNetworkConnector(input, caller);
    await services.lambda.TagResource({ Resource: physicalId, Tags: tags(properties, stackTags) }, caller);
    return settled(change, physicalId);
  },
  async delete({ services, caller, physicalId }) {
    try {
      await services.lambda.DeleteNetworkConnector({ Identifier: physicalId }, caller);
      for (;;) {
        await services.lambda.GetNetworkConnector({ Identifier: physicalId }, caller);
        await services.sleep(pollMs);
      }
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  },
};
