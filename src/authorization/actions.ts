import type { Caller } from '../aws/caller.ts';
import type { LambdaCoreOperations, NetworkConnectorConfiguration } from '../aws/models/lambda-core.ts';
import type { LambdaMicrovmsOperations } from '../aws/models/lambda-microvms.ts';
import { imageArn } from '../control/arns.ts';
import { defaultEgress, defaultIngress } from '../control/managed-connectors.ts';
import { type Access, requestTags, resourceTags } from './access.ts';
import type { Facts } from './facts.ts';
import type { ContextEntries } from './policy/request-context.ts';

/** What an operation asks for, given its (valid) input. The first access is the operation's own. */
export type AccessRule<Input> = (input: Input, caller: Caller, facts: Facts) => Access[];

type Operations = LambdaMicrovmsOperations & LambdaCoreOperations;
type Rules = { [Name in keyof Operations]: AccessRule<Operations[Name]['input']> };

/** Operations that act on no single resource. */
const onAll =
  (operation: string): AccessRule<unknown> =>
  () => [{ action: `lambda:${operation}`, resource: '*' }];

const tagged = (action: string, arn: string, facts: Facts, context: ContextEntries = {}): Access => ({
  action: `lambda:${action}`,
  resource: arn,
  context: { ...resourceTags(facts.tagsOf(arn)), ...context },
});

const onImage =
  (operation: string): AccessRule<{ imageIdentifier: string }> =>
  (input, _caller, facts) => [tagged(operation, input.imageIdentifier, facts)];

/**
 * IAM has no MicroVM resource: calls on a MicroVM are authorized on its image, with the image's tags.
 * An id that nobody has needs no permission; the operation answers that it was not found.
 */
const onMicrovm =
  (operation: string): AccessRule<{ microvmIdentifier: string }> =>
  (input, _caller, facts) => {
    const image = facts.imageOfMicrovm(input.microvmIdentifier);
    return image === undefined ? [] : [tagged(operation, image, facts)];
  };

const onConnector =
  (operation: string): AccessRule<{ Identifier: string }> =>
  (input, caller, facts) => [tagged(operation, facts.connectorArn(input.Identifier, caller), facts)];

const onTagged = (
  operation: string,
  { Resource: arn }: { Resource: string },
  facts: Facts,
  context?: ContextEntries,
): Access[] => [tagged(operation, arn, facts, context)];

/** An empty list counts as left out (spec: control-plane 4, RunMicrovm). */
const given = (list: readonly string[] | undefined) => (list?.length ? list : undefined);

const passConnectors = (arns: readonly string[], facts: Facts): Access[] =>
  [...new Set(arns)].map((arn) => tagged('PassNetworkConnector', arn, facts));

const passRole = (roleArn: string | undefined): Access[] =>
  roleArn === undefined
    ? []
    : [
        {
          action: 'iam:PassRole',
          resource: roleArn,
          context: { 'iam:PassedToService': 'lambda.amazonaws.com' },
        },
      ];

function vpcKeys(configuration: NetworkConnectorConfiguration | undefined): ContextEntries {
  const vpc = configuration?.VpcEgressConfiguration;
  return { 'lambda:SubnetIds': vpc?.SubnetIds, 'lambda:SecurityGroupIds': vpc?.SecurityGroupIds };
}

/** Spec: iam-credentials-logging-metrics section 1, line by line. */
export const lambdaActions: Rules = {
  CreateMicrovmImage: (input, caller, facts) => {
    const tags = requestTags(input.tags);
    const tagging = Object.keys(input.tags ?? {}).length > 0;
    return [
      { action: 'lambda:CreateMicrovmImage', resource: '*', context: tags },
      ...passConnectors(given(input.egressNetworkConnectors) ?? defaultEgress(caller.region), facts),
      ...passRole(input.buildRoleArn),
      ...(tagging
        ? [{ action: 'lambda:TagResource', resource: imageArn(caller, input.name), context: tags }]
        : []),
    ];
  },
  UpdateMicrovmImage: (input, caller, facts) => [
    tagged('UpdateMicrovmImage', input.imageIdentifier, facts),
    ...passConnectors(given(input.egressNetworkConnectors) ?? defaultEgress(caller.region), facts),
    ...passRole(input.buildRoleArn),
  ],
  UpdateMicrovmImageVersion: onImage('UpdateMicrovmImageVersion'),
  DeleteMicrovmImage: onImage('DeleteMicrovmImage'),
  DeleteMicrovmImageVersion: onImage('DeleteMicrovmImageVersion'),
  GetMicrovmImage: onImage('GetMicrovmImage'),
  GetMicrovmImageVersion: onImage('GetMicrovmImageVersion'),
  GetMicrovmImageBuild: onImage('GetMicrovmImageBuild'),
  ListMicrovmImageVersions: onImage('ListMicrovmImageVersions'),
  ListMicrovmImageBuilds: onImage('ListMicrovmImageBuilds'),
  ListMicrovmImages: onAll('ListMicrovmImages'),
  ListManagedMicrovmImages: onAll('ListManagedMicrovmImages'),
  ListManagedMicrovmImageVersions: onAll('ListManagedMicrovmImageVersions'),
  ListMicrovms: onAll('ListMicrovms'),

  RunMicrovm: (input, caller, facts) => {
    const { imageIdentifier: image, imageVersion, executionRoleArn } = input;
    const ingress = given(input.ingressNetworkConnectors) ?? defaultIngress(caller.region);
    const egress = given(input.egressNetworkConnectors) ?? facts.egressOf(image, imageVersion, caller.region);
    return [
      tagged('RunMicrovm', image, facts),
      ...passConnectors([...ingress, ...egress], facts),
      ...passRole(executionRoleArn),
    ];
  },
  GetMicrovm: onMicrovm('GetMicrovm'),
  SuspendMicrovm: onMicrovm('SuspendMicrovm'),
  ResumeMicrovm: onMicrovm('ResumeMicrovm'),
  TerminateMicrovm: onMicrovm('TerminateMicrovm'),
  CreateMicrovmAuthToken: onMicrovm('CreateMicrovmAuthToken'),
  CreateMicrovmShellAuthToken: onMicrovm('CreateMicrovmShellAuthToken'),

  CreateNetworkConnector: (input) => [
    {
      action: 'lambda:CreateNetworkConnector',
      resource: '*',
      context: { ...requestTags(input.Tags), ...vpcKeys(input.Configuration) },
    },
    ...passRole(input.OperatorRole),
  ],
  UpdateNetworkConnector: (input, caller, facts) => [
    tagged(
      'UpdateNetworkConnector',
      facts.connectorArn(input.Identifier, caller),
      facts,
      vpcKeys(input.Configuration),
    ),
    ...passRole(input.OperatorRole),
  ],
  GetNetworkConnector: onConnector('GetNetworkConnector'),
  DeleteNetworkConnector: onConnector('DeleteNetworkConnector'),
  ListNetworkConnectors: onAll('ListNetworkConnectors'),

  TagResource: (input, _caller, facts) => onTagged('TagResource', input, facts, requestTags(input.Tags)),
  UntagResource: (input, _caller, facts) =>
    onTagged('UntagResource', input, facts, { 'aws:TagKeys': input.TagKeys }),
  ListTags: (input, _caller, facts) => onTagged('ListTags', input, facts),
};
