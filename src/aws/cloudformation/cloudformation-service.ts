import { resourceTypes } from '../../cloudformation/resources/registry.ts';
import { StackError } from '../../cloudformation/stacks/stack-errors.ts';
import type { Stacks, StackWish } from '../../cloudformation/stacks/stacks.ts';
import { resolveParameters } from '../../cloudformation/template/parameters.ts';
import { checkReferences } from '../../cloudformation/template/references.ts';
import { parseTemplate, type Template } from '../../cloudformation/template/template.ts';
import { TemplateError } from '../../cloudformation/template-error.ts';
import type { Stack } from '../../store/stack-records.ts';
import type { Store } from '../../store/store.ts';
import type { Caller } from '../caller.ts';
import type { AnyHandler } from '../handlers.ts';
import { Input } from '../protocol/input.ts';
import { WireError } from '../protocol/wire-error.ts';
import type { QueryService } from '../query-service.ts';
import { changeSetSummary, changeSetView, eventView, resourceView, stackView, summaryView } from './views.ts';

export interface CloudFormationParts {
  stacks: Stacks;
  store: Pick<Store, 'stackEvents'>;
  /** Leave out resources of types that squib does not have. */
  skipUnsupported: boolean;
  /** Reads the template behind a URL of squib's S3, in the caller's name. @throws TemplateError */
  fetchTemplate(url: string, caller: Caller): Promise<string>;
}

const STACK_NAME = /^[a-zA-Z][-a-zA-Z0-9]{0,127}$/;
const CHANGE_SET_NAME = /^[a-zA-Z][-a-zA-Z0-9]{0,127}$/;
const inBodyBytes = 51_200;
const eventsAPage = 100;
/** A stack that is made at once is worth a short wait. */
const holdMs = 1500;
/** Waiters ask every 30 s: they are answered when the stack is done, well before their clients give up (60 s). */
const holdWaiterMs = 45_000;
/** botocore marks requests of its waiters in the user agent, with feature `B`. */
const WAITER = /(?:^| )m\/(?:\w+,)*B(?:,| |$)/;

/** CloudFormation's operations on top of {@link Stacks}. */
export function cloudFormationActions(parts: CloudFormationParts) {
  const { stacks, store, fetchTemplate, skipUnsupported } = parts;
  /** Undefined when the request gives none. */
  const givenTemplate = async (input: Input, caller: Caller): Promise<string | undefined> => {
    const body = input.text('TemplateBody');
    const url = input.text('TemplateURL');
    if (body !== undefined && url !== undefined) {
      throw new TemplateError('Either Template URL or Template Body must be specified, not both.');
    }
    if (body !== undefined && Buffer.byteLength(body) > inBodyBytes) {
      throw new TemplateError(
        `1 validation error detected: Value at 'templateBody' failed to satisfy constraint: Member must have length less than or equal to ${inBodyBytes}`,
      );
    }
    return body ?? (url === undefined ? undefined : fetchTemplate(url, caller));
  };

  const wish = async (input: Input, caller: Caller, current: Stack | undefined): Promise<StackWish> => {
    const name = input.required('StackName');
    if (!current && !STACK_NAME.test(name)) {
      throw new TemplateError(
        `1 validation error detected: Value '${name}' at 'stackName' failed to satisfy constraint: Member must satisfy regular expression pattern: [a-zA-Z][-a-zA-Z0-9]*`,
      );
    }
    const previous = input.flag('UsePreviousTemplate') ? current?.design.templateBody : undefined;
    const templateBody = previous ?? (await givenTemplate(input, caller));
    if (templateBody === undefined)
      throw new TemplateError('Either Template URL or Template Body must be specified.');
    const given = input.structures('Parameters').map((each) => ({
      key: each.required('ParameterKey'),
      value: each.text('ParameterValue') ?? (each.flag('UsePreviousValue') ? undefined : ''),
      usePrevious: each.flag('UsePreviousValue'),
    }));
    const template = parseTemplate(templateBody);
    const parameters = resolveParameters(template, given, current?.design.parameters, (each) =>
      stacks.findParameter(each),
    );
    const tags = input.structures('Tags').length > 0 || !current ? input.tags() : current.design.tags;
    const onFailure = input.text('OnFailure') ?? input.text('OnStackFailure');
    const design = { templateBody, parameters, tags, ...(skipUnsupported && { skipUnsupported }) };
    return {
      ...{ name, design, capabilities: input.texts('Capabilities') },
      roleArn: input.text('RoleARN'),
      onFailure: input.flag('DisableRollback') ? 'DO_NOTHING' : (onFailure as StackWish['onFailure']),
      terminationProtection: input.flag('EnableTerminationProtection'),
      clientRequestToken: input.text('ClientRequestToken'),
    };
  };

  const summary = (template: Template) => ({
    Description: template.description,
    Parameters: Object.entries(template.parameters).map(([ParameterKey, definition]) => ({
      ParameterKey,
      ParameterType: definition.Type,
      DefaultValue: definition.Default,
      NoEcho: definition.NoEcho ?? false,
      Description: definition.Description,
      ...(definition.AllowedValues && { ParameterConstraints: { AllowedValues: definition.AllowedValues } }),
    })),
    ...capabilities(template),
    DeclaredTransforms: template.transforms,
  });

  const actions: Record<string, AnyHandler> = {
    async CreateStack(members, caller) {
      return { StackId: stacks.create(await wish(new Input(members), caller, undefined), caller).id };
    },
    async UpdateStack(members, caller) {
      const input = new Input(members);
      const current = stacks.find(input.required('StackName'));
      return { StackId: stacks.update(await wish(input, caller, current), caller).id };
    },
    async DeleteStack(members, caller) {
      const input = new Input(members);
      const options = { roleArn: input.text('RoleARN'), retain: input.texts('RetainResources') };
      stacks.delete(input.required('StackName'), caller, options);
      return {};
    },
    async ContinueUpdateRollback(members, caller) {
      stacks.continueRollback(new Input(members).required('StackName'), caller);
      return {};
    },
    async UpdateTerminationProtection(members) {
      const input = new Input(members);
      const on = input.flag('EnableTerminationProtection');
      return { StackId: stacks.setTerminationProtection(input.required('StackName'), on).id };
    },

    async CreateChangeSet(members, caller) {
      const input = new Input(members);
      const kind = input.text('ChangeSetType') ?? 'UPDATE';
      if (kind !== 'CREATE' && kind !== 'UPDATE') {
        throw new TemplateError(`squib does not have change sets of the type ${kind}.`);
      }
      const changeSetName = input.required('ChangeSetName');
      if (!CHANGE_SET_NAME.test(changeSetName))
        throw new TemplateError('The name of the change set is not valid.');
      const current = kind === 'UPDATE' ? stacks.find(input.required('StackName')) : undefined;
      const base = await wish(input, caller, current);
      const description = input.text('Description');
      const changeSet = stacks.createChangeSet({ ...base, changeSetName, kind, description }, caller);
      return { Id: changeSet.id, StackId: changeSet.stackId };
    },
    async DescribeChangeSet(members) {
      const input = new Input(members);
      return changeSetView(stacks.changeSet(input.required('ChangeSetName'), input.text('StackName')));
    },
    async ExecuteChangeSet(members, caller) {
      const input = new Input(members);
      const changeSet = stacks.changeSet(input.required('ChangeSetName'), input.text('StackName'));
      stacks.executeChangeSet(changeSet, caller, input.flag('DisableRollback'));
      return {};
    },
    async DeleteChangeSet(members) {
      const input = new Input(members);
      stacks.deleteChangeSet(stacks.changeSet(input.required('ChangeSetName'), input.text('StackName')));
      return {};
    },
    async ListChangeSets(members) {
      const { id } = stacks.find(new Input(members).required('StackName'));
      return { Summaries: stacks.changeSets(id).map(changeSetSummary) };
    },

    async DescribeStacks(members, caller) {
      const name = new Input(members).text('StackName');
      const all = () => stacks.all().filter(({ deletedAt }) => deletedAt === undefined);
      if (name === undefined) return { Stacks: all().map(stackView) };
      await stacks.settled(stacks.find(name), WAITER.test(caller.userAgent ?? '') ? holdWaiterMs : holdMs);
      return { Stacks: [stackView(stacks.find(name))] };
    },
    async ListStacks(members) {
      const wanted = new Input(members).texts('StackStatusFilter');
      const found = stacks.all().filter(({ status }) => wanted.length === 0 || wanted.includes(status));
      return { StackSummaries: found.map(summaryView) };
    },
    async DescribeStackEvents(members) {
      const input = new Input(members);
      const { id } = stacks.find(input.required('StackName'));
      const before = input.integer('NextToken', {
        min: 1,
        max: Number.MAX_SAFE_INTEGER,
        otherwise: Number.MAX_SAFE_INTEGER,
      });
      const found = store.stackEvents.of(id, before, eventsAPage);
      const more = found.length === eventsAPage;
      return {
        StackEvents: found.map(({ event }) => eventView(event)),
        NextToken: more ? String(found.at(-1)?.seq) : undefined,
      };
    },
    async DescribeStackResource(members) {
      const input = new Input(members);
      const stack = stacks.find(input.required('StackName'));
      const id = input.required('LogicalResourceId');
      const resource = stack.resources[id];
      if (!resource) throw new TemplateError(`Resource ${id} does not exist for stack ${stack.name}`);
      const { id: StackId, name: StackName } = stack;
      const LastUpdatedTimestamp = new Date(resource.updatedAt);
      return { StackResourceDetail: { ...resourceView(resource), StackId, StackName, LastUpdatedTimestamp } };
    },
    async DescribeStackResources(members) {
      const input = new Input(members);
      const physicalId = input.text('PhysicalResourceId');
      const holds = (stack: Stack) =>
        Object.values(stack.resources).some((resource) => resource.physicalId === physicalId);
      const name = input.text('StackName');
      const stack = name === undefined ? stacks.all().find(holds) : stacks.find(name);
      if (!stack) throw new TemplateError(`Stack for ${physicalId} does not exist`);
      const logicalId = input.text('LogicalResourceId');
      const found = Object.values(stack.resources).filter(
        (each) => !logicalId || each.logicalId === logicalId,
      );
      const { id: StackId, name: StackName } = stack;
      return {
        StackResources: found.map((each) => ({
          ...{ ...resourceView(each), StackId, StackName, Timestamp: new Date(each.updatedAt) },
        })),
      };
    },
    async ListStackResources(members) {
      const stack = stacks.find(new Input(members).required('StackName'));
      return {
        StackResourceSummaries: Object.values(stack.resources).map((each) => ({
          ...{ ...resourceView(each), LastUpdatedTimestamp: new Date(each.updatedAt) },
        })),
      };
    },
    async ListExports() {
      const all = stacks.exports();
      return {
        Exports: all.map(({ stackId, name, value }) => ({
          ExportingStackId: stackId,
          Name: name,
          Value: value,
        })),
      };
    },
    async ListImports(members) {
      const name = new Input(members).required('ExportName');
      const users = stacks.importers(name).map((stack) => stack.name);
      if (users.length === 0) throw new TemplateError(`Export '${name}' is not imported by any stack.`);
      return { Imports: users };
    },

    async GetTemplate(members) {
      const input = new Input(members);
      const changeSet = input.text('ChangeSetName');
      const { design } =
        changeSet === undefined
          ? stacks.find(input.required('StackName'))
          : stacks.changeSet(changeSet, input.text('StackName'));
      return { TemplateBody: design.templateBody, StagesAvailable: ['Original', 'Processed'] };
    },
    async GetTemplateSummary(members, caller) {
      const input = new Input(members);
      const name = input.text('StackName');
      const body =
        name === undefined ? await givenTemplate(input, caller) : stacks.find(name).design.templateBody;
      const template = parseTemplate(body ?? '');
      const types = [...new Set(Object.values(template.resources).map(({ Type }) => Type))];
      const Metadata = template.metadata && JSON.stringify(template.metadata);
      return { ...summary(template), ResourceTypes: types, Version: '2010-09-09', Metadata };
    },
    async ValidateTemplate(members, caller) {
      const template = parseTemplate((await givenTemplate(new Input(members), caller)) ?? '');
      checkReferences(template);
      const { Parameters, ...rest } = summary(template);
      const plain = Parameters.map(({ ParameterType: _, ParameterConstraints: __, ...each }) => each);
      return { ...rest, Parameters: plain };
    },
  };
  return Object.fromEntries(Object.entries(actions).map(([name, handle]) => [name, translated(handle)]));
}

function capabilities({ resources }: Template) {
  const iam = Object.values(resources).filter(({ Type }) => resourceTypes.get(Type)?.iam);
  if (iam.length === 0) return { Capabilities: [] };
  const named = iam.some(({ Type, Properties }) => {
    const name = resourceTypes.get(Type)?.nameProperty;
    return Type !== 'AWS::IAM::Policy' && name !== undefined && Properties[name] !== undefined;
  });
  const types = [...new Set(iam.map(({ Type }) => Type))].join(', ');
  return {
    Capabilities: [named ? 'CAPABILITY_NAMED_IAM' : 'CAPABILITY_IAM'],
    CapabilitiesReason: `The following resource(s) require capabilities: [${types}]`,
  };
}

/** Refusals of the rules as errors of the wire. */
function translated(handle: AnyHandler): AnyHandler {
  return async (input, caller) => {
    try {
      return await handle(input, caller);
    } catch (error) {
      if (error instanceof TemplateError)
        throw new WireError('ValidationError', 400, error.message, { cause: error });
      if (error instanceof StackError) throw new WireError(error.code, 400, error.message, { cause: error });
      throw error;
    }
  };
}

export const cloudFormationService = (actions: Record<string, AnyHandler>): QueryService => ({
  signingName: 'cloudformation',
  namespace: 'http://cloudformation.amazonaws.com/doc/2010-05-15/',
  actions,
});
