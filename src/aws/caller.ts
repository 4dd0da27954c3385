/** Who signed a request. The rules see this, never the request itself. */
export interface Caller {
  /** Twelve digits. */
  accountId: string;
  /** Access key id of the credential that signed; safe to record, unlike the secret. */
  accessKeyId: string;
  /** ARN of the user, role session or root that the credential belongs to. */
  arn: string;
  /** Unique id of that principal, as `sts GetCallerIdentity` shows it in `UserId`. */
  userId: string;
  /** From the credential scope of the signature, for example `eu-west-1`. */
  region: string;
  /** Same as in the header `x-amzn-requestid` of the answer. */
  requestId: string;
  /** Address that the request came from. */
  sourceIp?: string | undefined;
  userAgent?: string | undefined;
}
