import type { Caller } from '../../aws/caller.ts';
import type { RunMicrovmRequest, RunMicrovmResponse } from '../../aws/models/lambda-microvms.ts';
import type { Context, Operation } from '../context.ts';
import { egressOrder } from '../egress-order.ts';
import { idleTooLong, memoryQuota, runHookDisabled } from '../errors.ts';
import { remember } from '../history.ts';
import { once } from '../idempotency.ts';
import { hookSettings } from '../images/hook-settings.ts';
import type { VersionSettings } from '../images/version-settings.ts';
import { logSettings } from '../log-settings.ts';
import { checkConnectors, defaultIngress } from '../managed-connectors.ts';
import { microvmView } from './microvm-view.ts';
import type { MicrovmSettings } from './start-order.ts';
import { versionToRun } from './version-to-run.ts';

/** Eight hours, the most and the default (spec: quotas-and-errors 1.3). */
const longestSeconds = 28_800;

/** RunMicrovm: records the MicroVM as PENDING and answers; the host starts it afterwards. */
export const runMicrovm: Operation<'RunMicrovm'> = (context, input, caller) => {
  const request = { token: input.clientToken, input };
  const moment = { store: context.store, now: context.clock.now() };
  const { answer, fresh } = once(moment, caller, 'RunMicrovm', request, () =>
    record(context, input, caller, moment.now),
  );
  if (fresh) context.microvms.launch(answer.microvmId);
  return answer;
};

function record(context: Context, input: RunMicrovmRequest, caller: Caller, now: number): RunMicrovmResponse {
  const { store, random, config } = context;
  const { image, version } = versionToRun(store, caller, input.imageIdentifier, input.imageVersion);
  const made = JSON.parse(version.settings) as VersionSettings;
  const hooks = hookSettings(made.hooks);
  if (input.runHookPayload !== undefined && hooks.run === undefined) throw runHookDisabled();
  const { idlePolicy } = input;
  const idleSeconds = idlePolicy?.maxIdleDurationSeconds ?? null;
  if (idleSeconds !== null && idleSeconds > longestSeconds) throw idleTooLong(idleSeconds, longestSeconds);
  const ingress = orElse(input.ingressNetworkConnectors, defaultIngress(caller.region));
  const egress = orElse(input.egressNetworkConnectors, made.egressNetworkConnectors);
  checkConnectors(store, caller, 'ingress', ingress);
  checkConnectors(store, caller, 'egress', egress);
  const settings: MicrovmSettings = {
    hooks,
    logging: logSettings(input.logging, image.name),
    egress: egressOrder(store, egress),
  };
  if (store.microvms.memoryInUse() + version.memoryMiB > config.quotas.memoryMiB) throw memoryQuota();

  const id = `microvm-${random.uuid()}`;
  store.microvms.insert({
    id,
    endpointId: random.uuid(),
    account: caller.accountId,
    region: caller.region,
    ...{ imageId: image.id, imageArn: image.arn, imageName: image.name, number: version.number },
    memoryMiB: version.memoryMiB,
    ...{ state: 'PENDING', stateSince: now, stateReason: null },
    executionRoleArn: input.executionRoleArn ?? null,
    maxIdleSeconds: idleSeconds,
    suspendedSeconds: idlePolicy?.suspendedDurationSeconds ?? null,
    autoResume: idlePolicy === undefined ? null : Number(idlePolicy.autoResumeEnabled),
    maximumDurationSeconds: input.maximumDurationInSeconds ?? longestSeconds,
    ...{ ingress: JSON.stringify(ingress), egress: JSON.stringify(egress) },
    settings: JSON.stringify(settings),
    runHookPayload: input.runHookPayload ?? null,
    ...{ startedAt: now, terminatedAt: null },
  });
  const reason = `RunMicrovm was called by ${caller.arn}.`;
  remember(store, { kind: 'microvm', id }, { from: null, to: 'PENDING', reason, at: now });
  return microvmView(store.microvms.get(id)!, config);
}

/** An empty list counts as omitted (spec: control-plane section 4, RunMicrovm). */
function orElse(list: string[] | undefined, otherwise: string[]): string[] {
  return list === undefined || list.length === 0 ? otherwise : list;
}
