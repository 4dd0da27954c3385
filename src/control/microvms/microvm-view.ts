import type { GetMicrovmResponse, MicrovmItem } from '../../aws/models/lambda-microvms.ts';
import type { MicrovmRow, MicrovmSummary } from '../../store/microvms.ts';
import { versionName } from '../arns.ts';
import type { ControlConfig } from '../context.ts';
import { apiMicrovmState } from '../microvm-state.ts';
import { endpointHost } from './start-order.ts';

/** A MicroVM as Run and Get show it. `runHookPayload` and `logging` are never echoed. */
export function microvmView(
  microvm: MicrovmRow,
  { endpoint }: Pick<ControlConfig, 'endpoint'>,
): GetMicrovmResponse {
  const host = endpointHost(microvm.endpointId, microvm.region, endpoint.domain);
  const { maxIdleSeconds, suspendedSeconds, autoResume } = microvm;
  return {
    microvmId: microvm.id,
    state: apiMicrovmState(microvm.state),
    endpoint: endpoint.port === 443 ? host : `${host}:${endpoint.port}`,
    imageArn: microvm.imageArn,
    imageVersion: versionName(microvm.number),
    executionRoleArn: microvm.executionRoleArn ?? undefined,
    idlePolicy:
      maxIdleSeconds === null || suspendedSeconds === null
        ? undefined
        : {
            maxIdleDurationSeconds: maxIdleSeconds,
            suspendedDurationSeconds: suspendedSeconds,
            autoResumeEnabled: autoResume === 1,
          },
    maximumDurationInSeconds: microvm.maximumDurationSeconds,
    // Decision C26: with milliseconds.
    startedAt: new Date(microvm.startedAt),
    terminatedAt: microvm.terminatedAt === null ? undefined : new Date(microvm.terminatedAt),
    // A MicroVM that runs or is suspended has one when something that was asked of it could not be done.
    stateReason: microvm.state === 'TERMINATING' ? undefined : (microvm.stateReason ?? undefined),
    ingressNetworkConnectors: JSON.parse(microvm.ingress) as string[],
    egressNetworkConnectors: JSON.parse(microvm.egress) as string[],
  };
}

/** A MicroVM as lists show it: exactly these members. */
export function microvmItem(microvm: MicrovmSummary): MicrovmItem {
  return {
    microvmId: microvm.id,
    state: apiMicrovmState(microvm.state),
    imageArn: microvm.imageArn,
    imageVersion: versionName(microvm.number),
    startedAt: new Date(microvm.startedAt),
  };
}
