const allow = (actions: readonly string[]) =>
  JSON.stringify({
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: actions, Resource: '*' }],
  });

const READ_LOGS = ['logs:Describe*', 'logs:Get*', 'logs:List*', 'logs:FilterLogEvents', 'logs:StartLiveTail'];
const READ_STACKS = [
  ...['cloudformation:Describe*', 'cloudformation:EstimateTemplateCost', 'cloudformation:Get*'],
  ...['cloudformation:List*', 'cloudformation:ValidateTemplate'],
];
const READ_S3 = ['s3:Get*', 's3:List*', 's3:Describe*'];
const READ_IAM = ['iam:Get*', 'iam:List*', 'iam:Simulate*'];
const READ_LAMBDA = ['lambda:Get*', 'lambda:List*'];
const READ_SSM = ['ssm:Describe*', 'ssm:Get*', 'ssm:List*'];

/** The policies of AWS's own that say something about the services that squib has, by what follows `policy/`. */
const KNOWN: Readonly<Record<string, string>> = {
  AdministratorAccess: allow(['*']),
  AmazonS3FullAccess: allow(['s3:*']),
  AmazonS3ReadOnlyAccess: allow(READ_S3),
  AmazonSSMFullAccess: allow(['ssm:*']),
  AmazonSSMReadOnlyAccess: allow(READ_SSM),
  CloudWatchLogsFullAccess: allow(['logs:*']),
  CloudWatchLogsReadOnlyAccess: allow(READ_LOGS),
  CloudWatchFullAccess: allow(['logs:*', 'cloudwatch:*']),
  IAMFullAccess: allow(['iam:*']),
  IAMReadOnlyAccess: allow(READ_IAM),
  AWSCloudFormationFullAccess: allow(['cloudformation:*']),
  AWSCloudFormationReadOnlyAccess: allow(READ_STACKS),
  AWSLambda_FullAccess: allow(['lambda:*', 'cloudformation:DescribeStacks', 'logs:Describe*']),
  AWSLambda_ReadOnlyAccess: allow([...READ_LAMBDA, ...READ_LOGS]),
  PowerUserAccess: JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', NotAction: ['iam:*', 'organizations:*', 'account:*'], Resource: '*' },
      { Effect: 'Allow', Action: ['iam:CreateServiceLinkedRole', 'iam:ListRoles'], Resource: '*' },
    ],
  }),
  ReadOnlyAccess: allow([
    ...[...READ_LOGS, ...READ_STACKS, ...READ_S3, ...READ_IAM, ...READ_LAMBDA, ...READ_SSM, 'sts:Get*'],
  ]),
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
