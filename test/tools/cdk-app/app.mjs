// A stack as CDK's users write it: an image built from a folder, roles with grants, a bucket, a log group.
import { App, CfnOutput, RemovalPolicy, Stack } from 'aws-cdk-lib';
import { PolicyStatement, Role, ServicePrincipal } from 'aws-cdk-lib/aws-iam';
import { CfnMicrovmImage } from 'aws-cdk-lib/aws-lambda';
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
const canRead = code.bucket.grantRead(buildRole);
group.grantWrite(buildRole);
buildRole.addToPolicy(new PolicyStatement({ actions: ['logs:CreateLogGroup'], resources: ['*'] }));
const data = new Bucket(stack, 'Data', {
  ...{ versioned: true, enforceSSL: true, removalPolicy: RemovalPolicy.DESTROY },
});
const image = new CfnMicrovmImage(stack, 'Image', {
  ...{ name: 'cdk-image', description: 'made by CDK' },
  ...{ baseImageArn: `arn:aws:lambda:${stack.region}:aws:microvm-image:al2023-1`, baseImageVersion: '1' },
  ...{ buildRoleArn: buildRole.roleArn, codeArtifact: { uri: code.s3ObjectUrl } },
  ...{ cpuConfigurations: [{ architecture: 'ARM_64' }], resources: [{ minimumMemoryInMiB: 512 }] },
  ...{ egressNetworkConnectors: [], additionalOsCapabilities: [] },
  environmentVariables: [{ key: 'DATA_BUCKET', value: data.bucketName }],
  hooks: { microvmHooks: {}, microvmImageHooks: {} },
  logging: { cloudWatch: { logGroup: group.logGroupName } },
});
canRead.applyBefore(image);
new StringParameter(stack, 'Where', { parameterName: '/cdk/image', stringValue: image.ref });
new CfnOutput(stack, 'ImageArn', { value: image.ref });
