import { randomUUID } from 'node:crypto';
import type { Caller } from '../aws/caller.ts';
import type { LambdaCoreHandlers } from '../aws/models/lambda-core.ts';
import type { GetMicrovmResponse, LambdaMicrovmsHandlers } from '../aws/models/lambda-microvms.ts';
import type { Log } from '../log/log.ts';
import type { Store } from '../store/store.ts';
import {
  type ActivityPolicyView,
  deleteActivityPolicy,
  getActivityPolicy,
  putActivityPolicy,
} from './activity/activity-policies.ts';
import type { ActivityPolicy } from './activity/activity-policy.ts';
import { type BrowserGrant, type BrowserLinkRequest, browserGrant } from './auth-tokens/browser-grant.ts';
import { BuildQueue } from './builds/build-queue.ts';
import type { Clock } from './clock.ts';
import { ConnectorWork } from './connectors/connector-work.ts';
import type { AllOperations, Context, ControlConfig, Ground, Operation, Random } from './context.ts';
import type { EndpointDirectory } from './endpoints.ts';
import type { Host } from './host.ts';
import { Deletions } from './images/deletions.ts';
import { Commands } from './microvms/commands.ts';
import { type ForkRequest, forkMicrovm } from './microvms/fork-microvm.ts';
import { getMicrovmUsage, listMicrovmUsage, type MicrovmUsageView } from './microvms/microvm-usage.ts';
import { MicrovmSupervisor } from './microvms/supervisor.ts';
import { operations } from './operations.ts';
import { createRateLimits } from './rate-limits.ts';
import { recover } from './recovery.ts';
import type { TokenIssuer } from './tokens.ts';

/** What the rules stand on. `store` and `host` stay the caller's to close. */
export interface ControlParts {
  store: Store;
  host: Host;
  clock: Clock;
  tokens: TokenIssuer;
  config: ControlConfig;
  log: Log;
  random?: Random;
}

/** The rules of squib, ready to be called. */
export interface Control {
  /** One function per operation of both services, for their front doors. */
  readonly operations: LambdaMicrovmsHandlers & LambdaCoreHandlers;
  /** squib's own operations beside AWS's. */
  fork(request: ForkRequest, caller: Caller): Promise<GetMicrovmResponse[]>;
  usage(microvmId: string, caller: Caller): Promise<MicrovmUsageView>;
  allUsage(caller: Caller): Promise<MicrovmUsageView[]>;
  /** What counts as activity besides the endpoint, by MicroVM id or image ARN. */
  readonly activity: {
    get(resource: string, caller: Caller): ActivityPolicyView;
    put(resource: string, policy: Partial<ActivityPolicy>, caller: Caller): ActivityPolicyView;
    delete(resource: string, caller: Caller): void;
  };
  /** squib's own: who may have a link for a browser, and to what. */
  browserGrant(request: BrowserLinkRequest, caller: Caller): BrowserGrant;
  /** Commands and files in MicroVMs; squib's own as well. */
  readonly commands: Commands;
  /** For the ingress. */
  readonly endpoints: EndpointDirectory;
  /** Makes store and host agree; once, before anything else is called. */
  recover(): Promise<void>;
  /** Resolves when no build, deletion or change of a MicroVM is under way. */
  settled(): Promise<void>;
  /** Stops timers and builds, and lets what the host is doing end; MicroVMs run on. */
  close(): Promise<void>;
}

export function createControl({ tokens, random, ...parts }: ControlParts): Control {
  const ground: Ground = { ...parts, random: random ?? { uuid: randomUUID } };
  const microvms = new MicrovmSupervisor(ground);
  const builds = new BuildQueue(ground);
  const deletions = new Deletions(ground);
  const connectorWork = new ConnectorWork(ground);
  const context: Context = { ...ground, tokens, microvms, builds, deletions, connectorWork };
  const takeToken = createRateLimits(context.config.quotas.rates, context.clock);
  return {
    operations: handlers(context, takeToken),
    async fork(request, caller) {
      takeToken(caller.accountId, 'RunMicrovm');
      return forkMicrovm(context, request, caller);
    },
    usage: (microvmId, caller) => getMicrovmUsage(context, microvmId, caller),
    allUsage: (caller) => listMicrovmUsage(context, caller),
    activity: {
      get: (resource, caller) => getActivityPolicy(context, resource, caller),
      put: (resource, policy, caller) => putActivityPolicy(context, resource, policy, caller),
      delete: (resource, caller) => deleteActivityPolicy(context, resource, caller),
    },
    browserGrant(request, caller) {
      takeToken(caller.accountId, 'CreateMicrovmAuthToken');
      return browserGrant(context, request, caller);
    },
    commands: new Commands(context),
    endpoints: microvms,
    recover: () => recover(context),
    async settled() {
      await Promise.all([microvms.settled(), builds.settled(), deletions.settled()]);
    },
    async close() {
      connectorWork.close();
      await Promise.all([microvms.close(), builds.close(), deletions.close()]);
    },
  };
}

/** Every operation with its rate limit in front and the context filled in. */
function handlers(
  context: Context,
  takeToken: ReturnType<typeof createRateLimits>,
): LambdaMicrovmsHandlers & LambdaCoreHandlers {
  const bind = <Name extends keyof AllOperations>(name: Name) => {
    const operation: Operation<Name> = operations[name];
    const handler = async (input: AllOperations[Name]['input'], caller: Caller) => {
      takeToken(caller.accountId, name);
      return operation(context, input, caller);
    };
    return [name, handler] as const;
  };
  const names = Object.keys(operations) as (keyof AllOperations)[];
  return Object.fromEntries(names.map((name) => bind(name))) as unknown as LambdaMicrovmsHandlers &
    LambdaCoreHandlers;
}
