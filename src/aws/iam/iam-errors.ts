import type { PolicyError } from '../../authorization/policy/policy-error.ts';
import { WireError } from '../protocol/wire-error.ts';

/** The errors of IAM, in its words where they are known. */
export const noSuchRole = (name: string) =>
  new WireError('NoSuchEntity', 404, `The role with name ${name} cannot be found.`);
export const noSuchRolePolicy = (name: string) =>
  new WireError('NoSuchEntity', 404, `The role policy with name ${name} cannot be found.`);
export const noSuchPolicy = (arn: string) =>
  new WireError('NoSuchEntity', 404, `Policy ${arn} does not exist or is not attachable.`);
export const noSuchPolicyVersion = (arn: string, version: string) =>
  new WireError('NoSuchEntity', 404, `Policy ${arn} version ${version} does not exist or is not attachable.`);
export const notAttached = (arn: string) =>
  new WireError('NoSuchEntity', 404, `Policy ${arn} was not found.`);
export const noSuchUser = (name: string) =>
  new WireError('NoSuchEntity', 404, `The user with name ${name} cannot be found.`);
export const roleExists = (name: string) =>
  new WireError('EntityAlreadyExists', 409, `Role with name ${name} already exists.`);
export const policyExists = (name: string) =>
  new WireError(
    'EntityAlreadyExists',
    409,
    `A policy called ${name} already exists. Duplicate names are not allowed.`,
  );
export const policiesFirst = () =>
  new WireError('DeleteConflict', 409, 'Cannot delete entity, must delete policies first.');
export const detachFirst = () =>
  new WireError('DeleteConflict', 409, 'Cannot delete entity, must detach all policies first.');
export const attachedPolicy = () =>
  new WireError('DeleteConflict', 409, 'Cannot delete a policy attached to entities.');
export const tooManyVersions = () =>
  new WireError('LimitExceeded', 409, 'A managed policy can have up to 5 versions. Delete one first.');
export const defaultVersion = () =>
  new WireError('DeleteConflict', 409, 'Cannot delete the default version of a policy.');
export const malformedPolicy = (cause: PolicyError) =>
  new WireError('MalformedPolicyDocument', 400, cause.message, { cause });
export const invalidInput = (message: string) => new WireError('ValidationError', 400, message);
