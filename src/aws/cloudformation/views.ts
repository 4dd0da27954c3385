import { parseTemplate, type Template } from '../../cloudformation/template/template.ts';
import type { ChangeSet, Stack, StackDesign, StackEvent, StackResource } from '../../store/stack-records.ts';

/** Stacks and their parts as the API shows them. */

const tagList = (tags: Record<string, string>) =>
  Object.entries(tags).map(([Key, Value]) => ({ Key, Value }));

/** Values of parameters with `NoEcho` are never shown. */
function parameters({ templateBody, parameters: values }: StackDesign) {
  let definitions: Template['parameters'] = {};
  try {
    definitions = parseTemplate(templateBody).parameters;
  } catch {
    // A template that an older squib took.
  }
  return Object.entries(values).map(([ParameterKey, value]) => ({
    ParameterKey,
    ParameterValue: definitions[ParameterKey]?.NoEcho ? '****' : value,
  }));
}

const date = (at: number | undefined) => (at === undefined ? undefined : new Date(at));

export const stackView = (stack: Stack) => ({
  StackId: stack.id,
  StackName: stack.name,
  Description: stack.description,
  Parameters: parameters(stack.design),
  CreationTime: new Date(stack.createdAt),
  LastUpdatedTime: date(stack.updatedAt),
  DeletionTime: date(stack.deletedAt),
  RollbackConfiguration: {},
  StackStatus: stack.status,
  StackStatusReason: stack.statusReason,
  DisableRollback: stack.onFailure === 'DO_NOTHING',
  NotificationARNs: [],
  Capabilities: stack.capabilities,
  Outputs: stack.outputs.map(({ key, value, description, exportName }) => ({
    ...{ OutputKey: key, OutputValue: value, Description: description, ExportName: exportName },
  })),
  RoleARN: stack.roleArn,
  Tags: tagList(stack.design.tags),
  EnableTerminationProtection: stack.terminationProtection,
  DriftInformation: { StackDriftStatus: 'NOT_CHECKED' },
});

export const summaryView = (stack: Stack) => ({
  StackId: stack.id,
  StackName: stack.name,
  TemplateDescription: stack.description,
  CreationTime: new Date(stack.createdAt),
  LastUpdatedTime: date(stack.updatedAt),
  DeletionTime: date(stack.deletedAt),
  StackStatus: stack.status,
  StackStatusReason: stack.statusReason,
  DriftInformation: { StackDriftStatus: 'NOT_CHECKED' },
});

export const resourceView = (resource: StackResource) => ({
  LogicalResourceId: resource.logicalId,
  PhysicalResourceId: resource.physicalId,
  ResourceType: resource.type,
  ResourceStatus: resource.status,
  ResourceStatusReason: resource.reason,
  DriftInformation: { StackResourceDriftStatus: 'NOT_CHECKED' },
});

export const eventView = (event: StackEvent) => ({
  StackId: event.stackId,
  EventId: event.id,
  StackName: event.stackName,
  LogicalResourceId: event.logicalId,
  PhysicalResourceId: event.physicalId,
  ResourceType: event.type,
  Timestamp: new Date(event.at),
  ResourceStatus: event.status,
  ResourceStatusReason: event.reason,
  ResourceProperties: event.properties,
});

export const changeSetSummary = (changeSet: ChangeSet) => ({
  StackId: changeSet.stackId,
  StackName: changeSet.stackName,
  ChangeSetId: changeSet.id,
  ChangeSetName: changeSet.name,
  ExecutionStatus: changeSet.executionStatus,
  Status: changeSet.status,
  StatusReason: changeSet.statusReason,
  CreationTime: new Date(changeSet.createdAt),
  Description: changeSet.description,
  IncludeNestedStacks: false,
});

export const changeSetView = (changeSet: ChangeSet) => ({
  ...changeSetSummary(changeSet),
  Parameters: parameters(changeSet.design),
  NotificationARNs: [],
  RollbackConfiguration: {},
  Capabilities: changeSet.capabilities,
  Tags: tagList(changeSet.design.tags),
  Changes: changeSet.changes.map((change) => ({
    Type: 'Resource',
    ResourceChange: {
      Action: change.action,
      LogicalResourceId: change.logicalId,
      PhysicalResourceId: change.physicalId,
      ResourceType: change.type,
      Replacement: change.replacement,
      Scope: change.action === 'Modify' ? ['Properties'] : [],
      Details: change.properties.map((Name) => ({
        Target: {
          Attribute: 'Properties',
          Name,
          RequiresRecreation: change.replacement === 'True' ? 'Always' : 'Never',
        },
        Evaluation: 'Static',
        ChangeSource: 'DirectModification',
      })),
    },
  })),
});
