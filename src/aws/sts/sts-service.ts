import { type Authorizer, accessDenied } from '../../authorization/authorizer.ts';
import { parsePolicy } from '../../authorization/policy/policy.ts';
import type { RoleBook } from '../../authorization/roles/role-book.ts';
import type { SessionBook, SessionKeys } from '../../authorization/roles/sessions.ts';
import type { Caller } from '../caller.ts';
import type { AnyHandler } from '../handlers.ts';
import { checkedPolicy } from '../iam/iam-context.ts';
import { Input } from '../protocol/input.ts';
import { WireError } from '../protocol/wire-error.ts';
import type { QueryService } from '../query-service.ts';

export interface StsParts {
  roles: RoleBook;
  sessions: SessionBook;
  authorizer: Authorizer;
}

const hour = 3600;

const credentials = ({ accessKeyId, secretAccessKey, sessionToken, expiresAt }: SessionKeys) => ({
  AccessKeyId: accessKeyId,
  SecretAccessKey: secretAccessKey,
  SessionToken: sessionToken,
  Expiration: new Date(expiresAt),
});

export const getCallerIdentity: AnyHandler = async (_members, { arn, userId, accountId }) => ({
  Arn: arn,
  UserId: userId,
  Account: accountId,
});

/** STS: who am I, and temporary keys. */
export function stsService({ roles, sessions, authorizer }: StsParts): QueryService {
  /**
   * Both sides must agree: the role's trust policy, and, unless that names the caller itself, the caller's own policies.
   * @throws ServiceError `AccessDenied`, also for a role that does not exist
   */
  const mayAssume = (caller: Caller, roleArn: string, externalId: string | undefined) => {
    const role = roles.roleByArn(roleArn);
    const access = { action: 'sts:AssumeRole', resource: roleArn };
    if (!role) throw accessDenied(caller.arn, access, 'implicitDeny');
    const { arn, accountId } = caller;
    const context = {
      'aws:PrincipalAccount': accountId,
      'aws:SourceIp': caller.sourceIp,
      'sts:ExternalId': externalId,
    };
    const trusted = roles.rights(role).trust.decide({ arn, accountId }, 'sts:AssumeRole', context);
    if (trusted !== 'allow' && trusted !== 'account') throw accessDenied(arn, access, trusted);
    const own = authorizer.decide(caller, access);
    if (own === 'explicitDeny' || (own !== 'allow' && trusted === 'account')) {
      throw accessDenied(arn, access, own);
    }
    return role;
  };

  return {
    signingName: 'sts',
    namespace: 'https://sts.amazonaws.com/doc/2011-06-15/',
    actions: {
      GetCallerIdentity: getCallerIdentity,

      async AssumeRole(members, caller) {
        const input = new Input(members);
        const roleArn = input.required('RoleArn');
        const sessionName = input.required('RoleSessionName');
        if (!/^[\w+=,.@-]{2,64}$/.test(sessionName)) {
          const pattern = 'Member must satisfy regular expression pattern: [\\w+=,.@-]*';
          throw new WireError(
            'ValidationError',
            400,
            `1 validation error detected: Value '${sessionName}' at 'roleSessionName' failed to satisfy constraint: ${pattern}`,
          );
        }
        const role = mayAssume(caller, roleArn, input.text('ExternalId'));
        // A role that takes a role on is limited to an hour.
        const max = caller.arn.includes(':assumed-role/') ? hour : role.maxSessionDuration;
        const seconds = input.integer('DurationSeconds', { min: 900, max: 43_200, otherwise: hour });
        if (seconds > max) {
          throw new WireError(
            'ValidationError',
            400,
            'The requested DurationSeconds exceeds the MaxSessionDuration set for this role.',
          );
        }
        const policy = input.text('Policy');
        const attached = input.structures('PolicyArns').map((item) => {
          const document = roles.documentOf(item.required('arn'));
          if (document !== undefined) return document;
          throw new WireError('ValidationError', 400, `The policy ${item.required('arn')} does not exist.`);
        });
        const policies = [...(policy === undefined ? [] : [checkedPolicy(policy, parsePolicy)]), ...attached];
        const keys = sessions.forRole(role, sessionName, seconds, policies);
        const arn = `${role.arn.replace(/:iam:.*$/, '')}:sts::${caller.accountId}:assumed-role/${role.name}/${sessionName}`;
        return {
          Credentials: credentials(keys),
          AssumedRoleUser: { AssumedRoleId: `${role.id}:${sessionName}`, Arn: arn },
          PackedPolicySize: policies.length > 0 ? 1 : undefined,
        };
      },

      async GetSessionToken(members, caller) {
        if (caller.accessKeyId.startsWith('ASIA')) {
          throw new WireError('AccessDenied', 403, 'Cannot call GetSessionToken with session credentials');
        }
        const bounds = { min: 900, max: 129_600, otherwise: 12 * hour };
        const seconds = new Input(members).integer('DurationSeconds', bounds);
        return { Credentials: credentials(sessions.forCredential(caller.accessKeyId, seconds)) };
      },

      async GetAccessKeyInfo(members, caller) {
        new Input(members).required('AccessKeyId');
        return { Account: caller.accountId };
      },
    },
  };
}
