import type { Caller } from '../aws/caller.ts';
import type { LambdaCoreOperations } from '../aws/models/lambda-core.ts';
import type { LambdaMicrovmsOperations } from '../aws/models/lambda-microvms.ts';
import type { Log } from '../log/log.ts';
import type { Store } from '../store/store.ts';
import type { ActivityPolicy } from './activity/activity-policy.ts';
import type { BuildQueue } from './builds/build-queue.ts';
import type { Clock } from './clock.ts';
import type { ConnectorWork } from './connectors/connector-work.ts';
import type { Host } from './host.ts';
import type { Deletions } from './images/deletions.ts';
import type { MicrovmSupervisor } from './microvms/supervisor.ts';
import type { Quotas } from './quotas.ts';
import type { TokenIssuer } from './tokens.ts';

/** Settings of the rules. */
export interface ControlConfig {
  /** Where endpoints are found: `<uuid>.lambda-microvm.<region>.<domain>`, and `:<port>` unless that is 443. */
  endpoint: { domain: string; port: number };
  quotas: Quotas;
  /** For MicroVMs and images that have no policy of their own. */
  activity: ActivityPolicy;
}

/** Randomness, so that tests can repeat a run. */
export interface Random {
  uuid(): string;
}

/** What everything in `control` stands on. */
export interface Ground {
  readonly store: Store;
  readonly host: Host;
  readonly clock: Clock;
  readonly random: Random;
  readonly log: Log;
  readonly config: ControlConfig;
}

/** What an operation may use. */
export interface Context extends Ground {
  readonly tokens: TokenIssuer;
  readonly microvms: MicrovmSupervisor;
  readonly builds: BuildQueue;
  readonly deletions: Deletions;
  readonly connectorWork: ConnectorWork;
}

export type AllOperations = LambdaMicrovmsOperations & LambdaCoreOperations;

/** One operation of the API. The input agrees with the model already. */
export type Operation<Name extends keyof AllOperations> = (
  context: Context,
  input: AllOperations[Name]['input'],
  caller: Caller,
) => AllOperations[Name]['output'] | Promise<AllOperations[Name]['output']>;
