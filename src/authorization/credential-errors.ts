import { ServiceError } from '../errors/service-error.ts';
import type { PolicyError } from './policy/policy-error.ts';

/** The refusals of the credential operations; AWS has none of these, so the texts are ours. */
export const userNameTaken = (userName: string) =>
  new ServiceError('Conflict', `A credential for the user '${userName}' already exists.`);
export const credentialNotFound = (userName: string) =>
  new ServiceError('NotFound', `There is no credential for the user '${userName}'.`);
export const malformedPolicy = (cause: PolicyError) =>
  new ServiceError('Validation', cause.message, { cause });
export const expiryInPast = () => new ServiceError('Validation', 'ExpiresAt must lie in the future.');
