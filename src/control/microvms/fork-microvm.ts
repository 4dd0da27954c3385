import type { Caller } from '../../aws/caller.ts';
import type { GetMicrovmResponse } from '../../aws/models/lambda-microvms.ts';
import { versionName } from '../arns.ts';
import type { Context } from '../context.ts';
import { memoryQuota, microvmBusy, microvmEnded, notForked, runHookDisabled } from '../errors.ts';
import { remember } from '../history.ts';
import { findMicrovm } from './find-microvm.ts';
import { microvmView } from './microvm-view.ts';
import type { MicrovmSettings } from './start-order.ts';

export interface ForkRequest {
  microvmIdentifier: string;
  /** How many MicroVMs to make; 1 by default. */
  count?: number;
  /** For the `/run` hook of each. */
  runHookPayload?: string;
}

/**
 * squib's own: keeps a running MicroVM as it is and runs new MicroVMs from there. They have its image version, policies,
 * connectors and roles, but ids, endpoints and durations of their own; the MicroVM itself goes on.
 */
export async function forkMicrovm(
  context: Context,
  { microvmIdentifier, count = 1, runHookPayload }: ForkRequest,
  caller: Caller,
): Promise<GetMicrovmResponse[]> {
  const { store, host, microvms, random, log } = context;
  const parent = findMicrovm(store, caller, microvmIdentifier);
  const { hooks } = JSON.parse(parent.settings) as MicrovmSettings;
  if (runHookPayload !== undefined && hooks.run === undefined) throw runHookDisabled();
  const checkQuota = () => {
    if (store.microvms.memoryInUse() + count * parent.memoryMiB > context.config.quotas.memoryMiB) {
      throw memoryQuota();
    }
  };
  checkQuota();
  const forkPoint = `fork-${random.uuid()}`;
  const actor = microvms.actor(parent.id);
  const state = actor === undefined ? 'TERMINATED' : await actor.fork(forkPoint).catch(refuse);
  if (state === 'TERMINATED') throw microvmEnded(parent.id);
  if (state !== 'RUNNING') throw microvmBusy(parent.id, state);

  function refuse(error: Error): never {
    log.warn('microvm.fork', { microvmId: parent.id, error });
    throw notForked(parent.id, error.message);
  }

  try {
    const ids = store.transaction(() => {
      checkQuota();
      return Array.from({ length: count }, () => record());
    });
    for (const id of ids) microvms.launch(id);
    return ids.map((id) => microvmView(store.microvms.get(id)!, context.config));
  } catch (error) {
    await host.deleteFork(forkPoint);
    throw error;
  }

  function record(): string {
    const id = `microvm-${random.uuid()}`;
    const now = context.clock.now();
    const { seq: _, ...inherited } = parent;
    store.microvms.insert({
      ...inherited,
      ...{ id, endpointId: random.uuid(), forkPoint },
      ...{ state: 'PENDING', stateSince: now, stateReason: null },
      runHookPayload: runHookPayload ?? null,
      ...{ startedAt: now, terminatedAt: null },
    });
    const own = store.activityPolicies.get(parent.id);
    if (own !== undefined) store.activityPolicies.put(id, own);
    const reason = `It was forked from ${parent.id} (version ${versionName(parent.number)}) by ${caller.arn}.`;
    remember(store, { kind: 'microvm', id }, { from: null, to: 'PENDING', reason, at: now });
    return id;
  }
}
