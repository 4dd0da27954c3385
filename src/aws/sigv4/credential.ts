/** A credential that squib knows, with the principal that it belongs to. */
export interface Credential {
  accessKeyId: string;
  secretAccessKey: string;
  /** Temporary credentials only: what the request must carry as `x-amz-security-token`. */
  sessionToken?: string;
  /** Epoch milliseconds; temporary credentials only. */
  expiresAt?: number;
  accountId: string;
  arn: string;
  userId: string;
}

/** Looks up a credential; undefined when there is none (or it was deleted). */
export type FindCredential = (accessKeyId: string) => Credential | undefined;
