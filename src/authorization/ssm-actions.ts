import type { Caller } from '../aws/caller.ts';
import { parameterName } from '../aws/ssm/ssm-service.ts';
import { partition } from '../control/arns.ts';
import type { AccessRule } from './actions.ts';

type Rule = AccessRule<Record<string, unknown>>;

const arn = ({ accountId, region }: Caller, name: string) =>
  `arn:${partition(region)}:ssm:${region}:${accountId}:parameter/${name.replace(/^\//, '')}`;

const onNames =
  (action: string): Rule =>
  ({ Name, Names }, caller) =>
    [Names ?? Name ?? ''].flat().map((name) => ({
      ...{ action: `ssm:${action}`, resource: arn(caller, parameterName(String(name))) },
    }));

/** Permissions of the operations on parameters that squib has. */
export const ssmRules: Readonly<Record<string, Rule>> = {
  PutParameter: onNames('PutParameter'),
  GetParameter: onNames('GetParameter'),
  GetParameters: onNames('GetParameters'),
  DeleteParameter: onNames('DeleteParameter'),
  DeleteParameters: onNames('DeleteParameters'),
  GetParametersByPath: ({ Path }, caller) => [
    { action: 'ssm:GetParametersByPath', resource: arn(caller, String(Path ?? '')) },
  ],
  DescribeParameters: () => [{ action: 'ssm:DescribeParameters', resource: '*' }],
};
