/** What roles that requests passed to squib allow it to do for them. */
export interface RoleRights {
  /** @param access for example `s3:GetObject` on an object's ARN */
  allows(roleArn: string, access: { action: string; resource: string }): boolean;
}
