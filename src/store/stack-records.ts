/** Records of CloudFormation. Times are epoch milliseconds. */

/** A value as JSON has it. */
export type JsonValue = null | boolean | number | string | JsonValue[] | { [name: string]: JsonValue };
export type JsonMap = { [name: string]: JsonValue };

/** One resource of a stack. */
export interface StackResource {
  logicalId: string;
  type: string;
  /** What `Ref` gives; absent until there is something. */
  physicalId?: string | undefined;
  status: string;
  reason?: string | undefined;
  /** Properties without functions, as they were last asked for. */
  properties: JsonMap;
  attributes: JsonMap;
  /** Logical ids that must outlive it. */
  dependsOn: string[];
  deletionPolicy: 'Delete' | 'Retain' | 'RetainExceptOnCreate';
  /** Name for the resource, chosen before it was made. */
  name: string;
  updatedAt: number;
}

/** What a stack is made of: a template with the values of its parameters. */
export interface StackDesign {
  templateBody: string;
  parameters: Record<string, string>;
  tags: Record<string, string>;
  /** Resources of types that squib does not have are left out instead of refused. */
  skipUnsupported?: boolean;
}

/** In whose name an operation works; everything of the caller but the request. */
export interface StackActor {
  accountId: string;
  accessKeyId: string;
  arn: string;
  userId: string;
  region: string;
}

/** What is under way; kept until it has ended, so that a restarted daemon can go on. */
export interface StackOperation {
  id: string;
  kind: 'create' | 'update' | 'delete';
  phase: 'forward' | 'rollback' | 'cleanup';
  actor: StackActor;
  target: StackDesign;
  /** What an update leaves, for its rollback. */
  previous?: StackDesign;
  /** Replaced and removed resources, which go at the end. */
  leftovers: StackResource[];
  /** True once a rollback put replaced resources back into their places. */
  restored?: boolean;
  /** Why a rollback began. */
  reason?: string;
  /** Resources that a deletion leaves where they are. */
  retain: string[];
}

export interface Stack {
  /** ARN. */
  id: string;
  name: string;
  status: string;
  statusReason?: string | undefined;
  description?: string | undefined;
  design: StackDesign;
  resources: Record<string, StackResource>;
  outputs: {
    key: string;
    value: string;
    description?: string | undefined;
    exportName?: string | undefined;
  }[];
  /** Names of the exports of other stacks that it uses. */
  imports: string[];
  capabilities: string[];
  roleArn?: string | undefined;
  onFailure: 'ROLLBACK' | 'DELETE' | 'DO_NOTHING';
  terminationProtection: boolean;
  clientRequestToken?: string | undefined;
  operation?: StackOperation | undefined;
  createdAt: number;
  updatedAt?: number | undefined;
  deletedAt?: number | undefined;
}

export interface StackEvent {
  id: string;
  stackId: string;
  stackName: string;
  logicalId: string;
  physicalId: string;
  type: string;
  status: string;
  reason?: string | undefined;
  /** JSON. */
  properties?: string | undefined;
  at: number;
}

export interface ResourceChange {
  action: 'Add' | 'Modify' | 'Remove';
  logicalId: string;
  physicalId?: string | undefined;
  type: string;
  replacement?: 'True' | 'False' | 'Conditional' | undefined;
  /** Names of the properties that change. */
  properties: string[];
}

export interface ChangeSet {
  /** ARN. */
  id: string;
  name: string;
  stackId: string;
  stackName: string;
  kind: 'CREATE' | 'UPDATE';
  status: 'CREATE_COMPLETE' | 'FAILED';
  statusReason?: string | undefined;
  executionStatus: 'AVAILABLE' | 'UNAVAILABLE' | 'EXECUTE_COMPLETE';
  description?: string | undefined;
  design: StackDesign;
  changes: ResourceChange[];
  capabilities: string[];
  roleArn?: string | undefined;
  onFailure?: Stack['onFailure'] | undefined;
  createdAt: number;
}
