const allow = (actions: string[]) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }],
  });

/** The policies of AWS's own that say something about the services that squib has, by what follows `policy/`. */
const KNOWN: Readonly<Record<string, string>> = {
  AdministratorAccess: allow(['*']),
  AmazonS3FullAccess: allow(['s3:*']),
  AmazonS3ReadOnlyAccess: allow(['s3:Get*', 's3:List*', 's3:Describe*']),
  CloudWatchLogsFullAccess: allow(['logs:*']),
  CloudWatchLogsReadOnlyAccess: allow(['logs:Describe*', 'logs:Get*', 'logs:List*', 'logs:FilterLogEvents']),
  CloudWatchFullAccess: allow(['logs:*', 'cloudwatch:*']),
  IAMFullAccess: allow(['iam:*']),
  AWSCloudFormationFullAccess: allow(['cloudformation:*']),
  AWSLambda_FullAccess: allow(['lambda:*', 'cloudformation:DescribeStacks', 'logs:Describe*']),
  'service-role/AWSLambdaBasicExecutionRole': allow([
    ...['logs:CreateLogGroup', 'logs:CreateLogStream', 'logs:PutLogEvents'],
  ]),
};

/** Other policies of AWS's grant nothing here: they are about services that squib does not have. */
const NOTHING = allow(['none:None']);

/** The document of a policy `arn:aws:iam::aws:policy/…`; undefined for every other ARN. */
export function awsManagedPolicy(arn: string): string | undefined {
  const name = /^arn:[\w-]+:iam::aws:policy\/(.+)$/.exec(arn)?.[1];
  if (name === undefined) return undefined;
  return Object.hasOwn(KNOWN, name) ? KNOWN[name] : NOTHING;
}
