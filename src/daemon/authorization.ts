import { type AccessRule, lambdaActions } from '../authorization/actions.ts';
import { authorizeHandlers } from '../authorization/authorize-handlers.ts';
import { Authorizer, accessDenied } from '../authorization/authorizer.ts';
import { CredentialBook } from '../authorization/credential-book.ts';
import { storedFacts } from '../authorization/facts.ts';
import { iamRules } from '../authorization/iam-actions.ts';
import type { KnownCredential } from '../authorization/known-credential.ts';
import { logsActions } from '../authorization/logs-actions.ts';
import { RoleBook } from '../authorization/roles/role-book.ts';
import { ServiceRoles } from '../authorization/roles/service-roles.ts';
import { SessionBook } from '../authorization/roles/sessions.ts';
import { type S3Request, s3Accesses } from '../authorization/s3-actions.ts';
import { squibActions } from '../authorization/squib-actions.ts';
import type { Caller } from '../aws/caller.ts';
import type { AnyHandler } from '../aws/handlers.ts';
import { iamActions, iamService } from '../aws/iam/iam-service.ts';
import type { LambdaCoreHandlers } from '../aws/models/lambda-core.ts';
import type { LambdaMicrovmsHandlers } from '../aws/models/lambda-microvms.ts';
import type { QueryService } from '../aws/query-service.ts';
import { stsService } from '../aws/sts/sts-service.ts';
import { imageArn, partition } from '../control/arns.ts';
import { credentialHandlers } from '../extensions/credentials.ts';
import type { CredentialHandlers, SquibHandlers } from '../extensions/squib-model.ts';
import type { Credentials } from '../store/credentials.ts';
import { openSealer } from '../store/sealer.ts';
import type { Store } from '../store/store.ts';

type LambdaHandlers = LambdaMicrovmsHandlers & LambdaCoreHandlers;
type LogsActions = Readonly<Record<string, AnyHandler>>;

export interface AuthorizationParts {
  store: Pick<
    Store,
    'tags' | 'microvms' | 'images' | 'versions' | 'connectors' | 'roles' | 'managedPolicies' | 'sessions'
  > & { credentials: Credentials };
  keysDir: string;
  root: { accessKeyId: string; secretAccessKey: string };
  accountId: string;
  region: string;
  /** Epoch milliseconds. */
  now: () => number;
}

/** Who may do what, ready to be put between the front doors and the rules. */
export interface Authorization {
  /** For Signature V4. */
  findCredential(accessKeyId: string): KnownCredential | undefined;
  guardLambda(handlers: LambdaHandlers): LambdaHandlers;
  guardLogs(actions: LogsActions): LogsActions;
  /** @throws ServiceError `AccessDenied` */
  checkS3(caller: Caller, operation: string, request: S3Request): void;
  /** All of squib's own operations, guarded: its own and the given ones. */
  extensions(others: Omit<SquibHandlers, keyof CredentialHandlers>): SquibHandlers;
  /** IAM's operations, guarded already. */
  iam: Readonly<Record<string, AnyHandler>>;
  /** IAM and STS for the front door. */
  services: QueryService[];
  /** What squib may do in the name of roles. */
  serviceRoles: ServiceRoles;
  /** Puts operations of a further service behind their rules. */
  guard(
    actions: LogsActions,
    rules: Readonly<Record<string, AccessRule<Record<string, unknown>>>>,
  ): LogsActions;
}

/** @throws SquibError when the key of sealed secrets is damaged */
export function openAuthorization(parts: AuthorizationParts): Authorization {
  const { store, keysDir, root, accountId, region, now } = parts;
  const sealer = openSealer(keysDir);
  const common = { accountId, partition: partition(region), now };
  const book = new CredentialBook({ ...{ root, sealer }, rows: store.credentials, ...common });
  const roles = new RoleBook(store);
  const findPermanent = (id: string) => book.find(id);
  const sessions = new SessionBook({ rows: store.sessions, ...{ sealer, roles, findPermanent }, ...common });
  const serviceRoles = new ServiceRoles(roles, sessions);
  const find = (id: string) => (id.startsWith('ASIA') ? sessions.find(id) : book.find(id));
  const authorizer = new Authorizer({ identities: find, now });
  const guard = { authorizer, facts: storedFacts(store) };
  const findUser = (name: string) => book.list().find(({ userName }) => userName === name);
  const iam = authorizeHandlers(iamActions({ roles, ...common }, findUser), iamRules(roles), guard);
  return {
    findCredential: find,
    guardLambda: (handlers) => authorizeHandlers(trustedRoles(handlers, serviceRoles), lambdaActions, guard),
    guardLogs: (actions) => authorizeHandlers(actions, logsActions, guard),
    checkS3: (caller, operation, request) => authorizer.check(caller, s3Accesses(operation, request)),
    extensions: (others) =>
      authorizeHandlers({ ...credentialHandlers(book, now), ...others }, squibActions, guard),
    iam,
    services: [iamService(iam), stsService({ roles, sessions, authorizer })],
    serviceRoles,
    guard: (actions, rules) => authorizeHandlers(actions, rules, guard),
  };
}

/** A role that Lambda cannot assume is answered as if it could not be passed (spec: iam… section 1, "Denials"). */
function trustedRoles(handlers: LambdaHandlers, roles: ServiceRoles): LambdaHandlers {
  const check = (caller: Caller, roleArn: string | undefined, sourceArn: string) => {
    if (roleArn === undefined || roles.trusts(roleArn, { accountId: caller.accountId, sourceArn })) return;
    throw accessDenied(caller.arn, { action: 'iam:PassRole', resource: roleArn }, 'implicitDeny');
  };
  return {
    ...handlers,
    CreateMicrovmImage(input, caller) {
      check(caller, input.buildRoleArn, imageArn(caller, input.name));
      return handlers.CreateMicrovmImage(input, caller);
    },
    UpdateMicrovmImage(input, caller) {
      check(caller, input.buildRoleArn, input.imageIdentifier);
      return handlers.UpdateMicrovmImage(input, caller);
    },
    RunMicrovm(input, caller) {
      check(caller, input.executionRoleArn, input.imageIdentifier);
      return handlers.RunMicrovm(input, caller);
    },
  };
}
