import type { ChangeSet, Stack } from '../../store/stack-records.ts';
import { TemplateError } from '../template-error.ts';

/** Refusals of CloudFormation with a code of their own; all others are validation errors. */
export class StackError extends Error {
  override readonly name: string = 'StackError';
  readonly code: string;
  constructor(code: string, message: string) {
    super(message);
    this.code = code;
  }
}

export class InsufficientCapabilities extends StackError {
  override readonly name = 'InsufficientCapabilities';
  constructor(needed: string[]) {
    super('InsufficientCapabilitiesException', `Requires capabilities : [${needed.join(', ')}]`);
  }
}

export const noSuchStack = (name: string) => new TemplateError(`Stack with id ${name} does not exist`);
export const alreadyExists = (name: string) =>
  new StackError('AlreadyExistsException', `Stack [${name}] already exists`);
export const stackBusy = ({ id, status }: Stack) =>
  new TemplateError(`Stack:${id} is in ${status} state and can not be updated.`);
export const noUpdates = () => new TemplateError('No updates are to be performed.');
export const terminationProtected = (name: string) =>
  new TemplateError(`Stack [${name}] cannot be deleted while TerminationProtection is enabled`);
export const exportInUse = (name: string, stack: string) =>
  new TemplateError(`Export ${name} cannot be deleted as it is in use by ${stack}`);
export const exportTaken = (name: string, stackId: string) =>
  new TemplateError(`Export with name ${name} is already exported by stack ${stackId}.`);
export const roleUnusable = (arn: string) => new TemplateError(`Role ${arn} is invalid or cannot be assumed`);
export const noSuchChangeSet = (name: string) =>
  new StackError('ChangeSetNotFound', `ChangeSet [${name}] does not exist`);
export const changeSetExists = (name: string) =>
  new StackError(
    'AlreadyExistsException',
    `ChangeSet ${name} cannot be created due to a mismatch with existing attribute Name`,
  );
export const changeSetUnavailable = ({ id, status }: ChangeSet) =>
  new StackError(
    'InvalidChangeSetStatus',
    `ChangeSet [${id}] cannot be executed in its current status of [${status}]`,
  );
