import type { Caller } from '../aws/caller.ts';
import { partition } from '../control/arns.ts';
import type { SquibOperations } from '../extensions/squib-model.ts';
import { resourceTags } from './access.ts';
import type { AccessRule } from './actions.ts';

type Rules = { [Name in keyof SquibOperations]: AccessRule<SquibOperations[Name]['input']> };

const userArn = ({ accountId, region }: Caller, userName: string) =>
  `arn:${partition(region)}:iam::${accountId}:user/${userName}`;

const onUser =
  (operation: string): AccessRule<{ userName: string }> =>
  ({ userName }, caller) => [{ action: `squib:${operation}`, resource: userArn(caller, userName) }];

/** On what is asked about, for a MicroVM on its image; `*` for everything, and for an id that says nothing. */
const onEvents =
  (action: string): AccessRule<{ resource?: string }> =>
  ({ resource = '*' }, _caller, facts) => {
    const arn = resource.startsWith('arn:') ? resource : facts.imageOfMicrovm(resource);
    return [
      { action, resource: arn ?? '*', context: resourceTags(arn === undefined ? {} : facts.tagsOf(arn)) },
    ];
  };

/**
 * Like every call on a MicroVM, on its image. An id that nobody has needs no permission.
 * @param actions with their services
 */
const onMicrovm =
  (...actions: string[]): AccessRule<{ microvmIdentifier: string }> =>
  ({ microvmIdentifier }, _caller, facts) => {
    const resource = facts.imageOfMicrovm(microvmIdentifier);
    if (resource === undefined) return [];
    const context = resourceTags(facts.tagsOf(resource));
    return actions.map((action) => ({ action, resource, context }));
  };

/** On an image, for a MicroVM on its image. */
const onPolicy =
  (operation: string): AccessRule<{ resourceIdentifier: string }> =>
  ({ resourceIdentifier }, _caller, facts) => {
    const isArn = resourceIdentifier.startsWith('arn:');
    const resource = isArn ? resourceIdentifier : facts.imageOfMicrovm(resourceIdentifier);
    if (resource === undefined) return [];
    return [{ action: `squib:${operation}`, resource, context: resourceTags(facts.tagsOf(resource)) }];
  };

/**
 * Permissions of squib's own operations. Whoever may create or change credentials can give every right to them, as with
 * IAM's own actions: these two belong to administrators.
 */
export const squibActions: Rules = {
  CreateCredential: onUser('CreateCredential'),
  ListCredentials: () => [{ action: 'squib:ListCredentials', resource: '*' }],
  GetCredential: onUser('GetCredential'),
  UpdateCredential: onUser('UpdateCredential'),
  DeleteCredential: onUser('DeleteCredential'),
  /** Whoever forks also runs. */
  ForkMicrovm: onMicrovm('squib:ForkMicrovm', 'lambda:RunMicrovm'),
  GetMicrovmUsage: onMicrovm('squib:GetMicrovmUsage'),
  ListMicrovmUsage: () => [{ action: 'squib:ListMicrovmUsage', resource: '*' }],
  /** A link is a token in another form: whoever may not make tokens may not make links. */
  CreateBrowserLink: onMicrovm('lambda:CreateMicrovmAuthToken'),
  PutActivityPolicy: onPolicy('PutActivityPolicy'),
  GetActivityPolicy: onPolicy('GetActivityPolicy'),
  DeleteActivityPolicy: onPolicy('DeleteActivityPolicy'),
  ExecMicrovm: onMicrovm('squib:ExecMicrovm'),
  GetMicrovmFiles: onMicrovm('squib:GetMicrovmFiles'),
  PutMicrovmFiles: onMicrovm('squib:PutMicrovmFiles'),
  ListEvents: onEvents('squib:ListEvents'),
  StreamEvents: onEvents('squib:StreamEvents'),
  /** Gives nobody more than he has: the session that the link opens has the rights of the key that asked for it. */
  CreateConsoleLink: () => [{ action: 'squib:CreateConsoleLink', resource: '*' }],
  ListMicrovmDetails: () => [{ action: 'squib:ListMicrovmDetails', resource: '*' }],
  DescribeHost: () => [{ action: 'squib:DescribeHost', resource: '*' }],
  ListAuditEvents: () => [{ action: 'squib:ListAuditEvents', resource: '*' }],
};
