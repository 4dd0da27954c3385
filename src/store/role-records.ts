/** A role with everything that belongs to it. Times in epoch milliseconds. */
export interface Role {
  name: string;
  /** `AROA…` */
  id: string;
  arn: string;
  /** `/` or `/a/b/` */
  path: string;
  trustPolicy: string;
  description?: string | undefined;
  /** Seconds. */
  maxSessionDuration: number;
  /** Policy documents by name. */
  inline: Record<string, string>;
  /** ARNs of managed policies. */
  attached: string[];
  /** ARN of a managed policy that limits the role. */
  permissionsBoundary?: string | undefined;
  tags: Record<string, string>;
  createdAt: number;
}

/** A customer managed policy with all versions that were not deleted. */
export interface ManagedPolicy {
  name: string;
  /** `ANPA…` */
  id: string;
  arn: string;
  path: string;
  description?: string | undefined;
  /** By version id, `v1` and on. */
  versions: Record<string, { document: string; createdAt: number }>;
  defaultVersion: string;
  /** Number of the newest version ever made. */
  lastVersion: number;
  tags: Record<string, string>;
  createdAt: number;
  updatedAt: number;
}
