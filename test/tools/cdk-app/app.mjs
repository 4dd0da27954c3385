// A stack as CDK's users write it: a folder that is uploaded, a role with grants, a bucket, a log group, a parameter.
import { App, CfnOutput, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { LogGroup, RetentionDays } from 'aws-cdk-lib/aws-logs';
import { Bucket } from 'aws-cdk-lib/aws-s3';
import { Asset } from 'aws-cdk-lib/aws-s3-assets';
import { StringParameter } from 'aws-cdk-lib/aws-ssm';

const app = new App();
const env = { account: process.env.CDK_DEFAULT_ACCOUNT, region: process.env.CDK_DEFAULT_REGION };
const stack = new Stack(app, 'CdkStack', { env });

const code = new Asset(stack, 'Code', { path: new URL('./image', import.meta.url).pathname });
const group = new LogGroup(stack, 'Group', {
  ...{ retention: RetentionDays.ONE_WEEK, removalPolicy: RemovalPolicy.DESTROY },
});
const buildRole = new Role(stack, 'BuildRole', { assumedBy: new ServicePrincipal('lambda.amazonaws.com') });
code.bucket.grantRead(buildRole);
group.grantWrite(buildRole);
buildRole.addToPolicy(new PolicyStatement({ actions: ['logs:CreateLogGroup'], resources: ['*'] }));
const data = new Bucket(stack, 'Data', {
  ...{ versioned: true, enforceSSL: true, removalPolicy: RemovalPolicy.DESTROY },
});
new StringParameter(stack, 'Where', { parameterName: '/cdk/data', stringValue: data.bucketName });
new CfnOutput(stack, 'CodeUri', { value: code.s3ObjectUrl });
