import type { MicrovmRow } from '../../store/microvms.ts';
import { versionName } from '../arns.ts';
import type { EgressOrder, HookSettings, LogSettings, StartOrder } from '../host.ts';

/** What `microvms.settings` holds as JSON: taken from the image version and the request when it was run. */
export interface MicrovmSettings {
  hooks: HookSettings;
  logging: LogSettings;
  /** The connectors as they were then: a later change of one holds for later MicroVMs (spec: networking 7.2). */
  egress: EgressOrder;
}

/** Host name of an endpoint, without port (spec: control-plane 1.1). */
export function endpointHost(endpointId: string, region: string, domain: string): string {
  return `${endpointId}.lambda-microvm.${region}.${domain}`;
}

/** What the host needs to act on a stored MicroVM. */
export function startOrder(microvm: MicrovmRow, domain: string): StartOrder {
  const { hooks, logging, egress } = JSON.parse(microvm.settings) as MicrovmSettings;
  return {
    microvmId: microvm.id,
    imageArn: microvm.imageArn,
    imageName: microvm.imageName,
    imageVersion: versionName(microvm.number),
    endpoint: endpointHost(microvm.endpointId, microvm.region, domain),
    hooks,
    logging,
    egress,
    startedAt: microvm.startedAt,
    ...(microvm.forkPoint !== null && { forkPoint: microvm.forkPoint }),
    ...(microvm.executionRoleArn !== null && { executionRoleArn: microvm.executionRoleArn }),
    ...(microvm.runHookPayload !== null && { runHookPayload: microvm.runHookPayload }),
  };
}
