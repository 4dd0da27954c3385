import type { CreateMicrovmImageRequest } from '../../aws/models/lambda-microvms.ts';
import { compileConstraints } from '../../aws/protocol/constraints.ts';
import { loadModel } from '../../aws/protocol/load-model.ts';
import type { JsonObject } from '../template/parse.ts';
import { isObject } from '../template/template.ts';
import type { Change, Made, ResourceType, Work } from './resource-type.ts';
import { isMissing, lowerFirst, objects, tags } from './values.ts';

const check = compileConstraints(loadModel('lambda-microvms'));
const pollMs = 500;

type Settings = Omit<CreateMicrovmImageRequest, 'name' | 'tags' | 'clientToken'>;

/** Properties in the API's form: some differ (spec: cloudformation-and-tools 1). */
function settings({ properties }: Pick<Work, 'properties'>): Settings {
  const { Name: _, Tags: __, EnvironmentVariables: ___, Logging, Hooks, ...same } = properties;
  const variables = objects(properties, 'EnvironmentVariables');
  const hooks = isObject(Hooks) ? (lowerFirst(Hooks) as JsonObject) : undefined;
  return {
    ...(lowerFirst(same) as unknown as Settings),
    ...(Logging !== undefined && { logging: logging(Logging as JsonObject) }),
    ...(hooks &&
      Object.values(hooks).some((member) => !isEmpty(member)) && { hooks: hooks as Settings['hooks'] }),
    environmentVariables: Object.fromEntries(
      variables.map(({ Key, Value }) => [String(Key), String(Value ?? '')]),
    ),
  } as Settings;
}

const isEmpty = (value: unknown) => isObject(value) && Object.keys(value).length === 0;

/** `Disabled` is a boolean here; `CloudWatch` without a group means disabled in practice. */
function logging(source: JsonObject): NonNullable<Settings['logging']> {
  if (String(source.Disabled) === 'true') return { disabled: {} };
  if (isEmpty(source.CloudWatch)) return { disabled: {} };
  return isObject(source.CloudWatch)
    ? { cloudWatch: lowerFirst(source.CloudWatch) as object }
    : { disabled: {} };
}

/** Waits until the build has ended; a failed one tells its reason, which AWS leaves out. */
async function settled({ services, caller }: Work, imageIdentifier: string): Promise<Made> {
  for (;;) {
    const image = await services.lambda.GetMicrovmImage({ imageIdentifier }, caller);
    if (image.state === 'CREATED' || image.state === 'UPDATED') {
      const { latestActiveImageVersion, latestFailedImageVersion, createdAt, updatedAt } = image;
      return {
        physicalId: imageIdentifier,
        attributes: {
          ...{ ImageArn: imageIdentifier, Name: image.name, State: image.state },
          ...{ LatestActiveImageVersion: latestActiveImageVersion ?? '' },
          ...{ LatestFailedImageVersion: latestFailedImageVersion ?? '' },
          ...{ CreatedAt: createdAt.toISOString(), UpdatedAt: (updatedAt ?? createdAt).toISOString() },
        },
      };
    }
    if (image.state !== 'CREATING' && image.state !== 'UPDATING') {
      const version = image.latestFailedImageVersion;
      const found = version
        ? await services.lambda.GetMicrovmImageVersion({ imageIdentifier, imageVersion: version }, caller)
        : undefined;
      throw new Error(
        `Resource of type 'AWS::Lambda::MicrovmImage' with identifier '${imageIdentifier}' did not stabilize: ` +
          `it is ${image.state}. ${found?.stateReason ?? ''}`.trimEnd(),
      );
    }
    await services.sleep(pollMs);
  }
}

export const microvmImage: ResourceType = {
  type: 'AWS::Lambda::MicrovmImage',
  properties: [
    ...['Name', 'BaseImageArn', 'BaseImageVersion', 'BuildRoleArn', 'Description', 'CodeArtifact', 'Logging'],
    ...['EgressNetworkConnectors', 'CpuConfigurations', 'Resources', 'AdditionalOsCapabilities', 'Hooks'],
    ...['EnvironmentVariables', 'Tags'],
  ],
  // The registry's schema asks for more of them; SAM's output leaves them out, and the API does not need them.
  required: ['Name', 'BaseImageArn', 'BuildRoleArn', 'CodeArtifact'],
  nameProperty: 'Name',
  replacing: ['Name'],

  async create(work) {
    const { services, caller, name, token, properties, stackTags } = work;
    const input = { ...settings(work), name, tags: tags(properties, stackTags), clientToken: token };
    check('CreateMicrovmImageRequest')(input as unknown as Record<string, unknown>);
    const { imageArn } = await services.lambda.CreateMicrovmImage(input, caller);
    work.made(imageArn);
    return settled(work, imageArn);
  },

  async update(change: Change) {
    const { services, caller, physicalId, token, before, properties, stackTags } = change;
    await retag(change, tags(before, {}), tags(properties, stackTags));
    const { Tags: _, ...old } = before;
    const { Tags: __, ...now } = properties;
    if (JSON.stringify(old) !== JSON.stringify(now)) {
      const input = { ...settings(change), imageIdentifier: physicalId, clientToken: token };
      check('UpdateMicrovmImageRequest')(input as unknown as Record<string, unknown>);
      await services.lambda.UpdateMicrovmImage(input, caller);
    }
    return settled(change, physicalId);
  },

  async delete({ services, caller, physicalId }) {
    try {
      await services.lambda.DeleteMicrovmImage({ imageIdentifier: physicalId }, caller);
      for (;;) {
        await services.lambda.GetMicrovmImage({ imageIdentifier: physicalId }, caller);
        await services.sleep(pollMs);
      }
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
  },
};

async function retag(
  { services, caller, physicalId }: Change,
  before: Record<string, string>,
  now: Record<string, string>,
): Promise<void> {
  const gone = Object.keys(before).filter((key) => !Object.hasOwn(now, key));
  if (gone.length > 0) await services.lambda.UntagResource({ Resource: physicalId, TagKeys: gone }, caller);
  if (Object.keys(now).length > 0)
    await services.lambda.TagResource({ Resource: physicalId, Tags: now }, caller);
}
