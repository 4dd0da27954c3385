import type { CredentialView } from '../../authorization/known-credential.ts';
import type { AnyHandler } from '../handlers.ts';
import { Input } from '../protocol/input.ts';
import type { QueryService } from '../query-service.ts';
import type { IamContext } from './iam-context.ts';
import { noSuchUser } from './iam-errors.ts';
import { managedPolicyActions } from './managed-policies.ts';
import { rolePolicyActions } from './role-policies.ts';
import { roleActions } from './roles.ts';

/** IAM as far as roles and policies go; users are made with `squib credentials`. */
export function iamActions(
  context: IamContext,
  findUser: (name: string) => CredentialView | undefined,
): Record<string, AnyHandler> {
  return {
    ...roleActions(context),
    ...rolePolicyActions(context),
    ...managedPolicyActions(context),
    async GetUser(members, caller) {
      const asked = new Input(members).text('UserName');
      const name = asked ?? /:user\/(.+)$/.exec(caller.arn)?.[1];
      if (name === undefined) {
        const CreateDate = new Date(0);
        return {
          User: { Path: '/', UserName: 'root', UserId: caller.accountId, Arn: caller.arn, CreateDate },
        };
      }
      const user = findUser(name);
      if (!user) throw noSuchUser(name);
      const UserId = asked === undefined ? caller.userId : user.accessKeyId;
      const CreateDate = new Date(user.createdAt);
      return { User: { Path: '/', UserName: name, UserId, Arn: user.arn, CreateDate } };
    },
    async ListAccountAliases() {
      return { AccountAliases: [], IsTruncated: false };
    },
  };
}

export const iamService = (actions: Record<string, AnyHandler>): QueryService => ({
  signingName: 'iam',
  namespace: 'https://iam.amazonaws.com/doc/2010-05-08/',
  actions,
});
