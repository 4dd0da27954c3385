import { lambdaActions } from '../authorization/actions.ts';
import { authorizeHandlers } from '../authorization/authorize-handlers.ts';
import { Authorizer } from '../authorization/authorizer.ts';
import { CredentialBook } from '../authorization/credential-book.ts';
import { storedFacts } from '../authorization/facts.ts';
import type { KnownCredential } from '../authorization/known-credential.ts';
import { logsActions } from '../authorization/logs-actions.ts';
import { type S3Request, s3Accesses } from '../authorization/s3-actions.ts';
import { squibActions } from '../authorization/squib-actions.ts';
import type { Caller } from '../aws/caller.ts';
import type { AnyHandler } from '../aws/handlers.ts';
import type { LambdaCoreHandlers } from '../aws/models/lambda-core.ts';
import type { LambdaMicrovmsHandlers } from '../aws/models/lambda-microvms.ts';
import { partition } from '../control/arns.ts';
import { credentialHandlers } from '../extensions/credentials.ts';
import type { SquibHandlers } from '../extensions/squib-model.ts';
import type { Credentials } from '../store/credentials.ts';
import { openSealer } from '../store/sealer.ts';
import type { Store } from '../store/store.ts';

type LambdaHandlers = LambdaMicrovmsHandlers & LambdaCoreHandlers;
type LogsActions = Readonly<Record<string, AnyHandler>>;

export interface AuthorizationParts {
  store: Pick<Store, 'tags' | 'microvms' | 'images' | 'versions' | 'connectors'> & {
    credentials: Credentials;
  };
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
  /** squib's own operations, guarded already. */
  extensions: SquibHandlers;
}

/** @throws SquibError when the key of sealed secrets is damaged */
export function openAuthorization(parts: AuthorizationParts): Authorization {
  const { store, keysDir, root, accountId, region, now } = parts;
  const book = new CredentialBook({
    ...{ root, accountId, now },
    rows: store.credentials,
    sealer: openSealer(keysDir),
    partition: partition(region),
  });
  const authorizer = new Authorizer({ identities: (id) => book.find(id), now });
  const guard = { authorizer, facts: storedFacts(store) };
  return {
    findCredential: (id) => book.find(id),
    guardLambda: (handlers) => authorizeHandlers(handlers, lambdaActions, guard),
    guardLogs: (actions) => authorizeHandlers(actions, logsActions, guard),
    checkS3: (caller, operation, request) => authorizer.check(caller, s3Accesses(operation, request)),
    extensions: authorizeHandlers(credentialHandlers(book, now), squibActions, guard),
  };
}
