import type { Credential } from '../aws/sigv4/credential.ts';
import type { Identity } from './identity.ts';

/** A credential with everything that front doors (Signature V4) and authorization ask about it. */
export interface KnownCredential extends Credential, Identity {}

/** A stored credential as operators see it: everything but the secret. Times in epoch milliseconds. */
export interface CredentialView {
  accessKeyId: string;
  userName: string;
  arn: string;
  policyDocument: string;
  enabled: boolean;
  createdAt: number;
  expiresAt: number | undefined;
}
