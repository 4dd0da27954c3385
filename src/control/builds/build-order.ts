import type { BuildRow } from '../../store/builds.ts';
import type { ImageRow } from '../../store/images.ts';
import type { Store } from '../../store/store.ts';
import type { VersionRow } from '../../store/versions.ts';
import { versionName } from '../arns.ts';
import { egressOrder } from '../egress-order.ts';
import type { BuildOrder } from '../host.ts';
import { hookSettings } from '../images/hook-settings.ts';
import type { VersionSettings } from '../images/version-settings.ts';
import { logSettings } from '../log-settings.ts';

/** What the host needs to build a stored version. */
export function buildOrder(store: Store, image: ImageRow, version: VersionRow, build: BuildRow): BuildOrder {
  const settings = JSON.parse(version.settings) as VersionSettings;
  return {
    microvmId: build.microvmId,
    imageArn: image.arn,
    imageName: image.name,
    imageVersion: versionName(version.number),
    codeArtifactUri: settings.codeArtifact.uri,
    buildRoleArn: settings.buildRoleArn,
    region: image.region,
    minimumMemoryInMiB: version.memoryMiB,
    environmentVariables: settings.environmentVariables ?? {},
    allCapabilities: settings.additionalOsCapabilities?.includes('ALL') ?? false,
    hooks: hookSettings(settings.hooks),
    logging: logSettings(settings.logging, image.name),
    egress: egressOrder(store, settings.egressNetworkConnectors),
  };
}
