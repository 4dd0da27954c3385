import type { MicrovmImageBuildSummary, SnapshotBuild } from '../../aws/models/lambda-microvms.ts';
import type { BuildRow } from '../../store/builds.ts';
import type { ImageRow } from '../../store/images.ts';
import { versionName } from '../arns.ts';

/** A build as lists show it. The processor is what AWS's model allows to say; docs/compatibility.md tells the truth. */
export function buildSummary(image: ImageRow, build: BuildRow): MicrovmImageBuildSummary {
  return {
    imageArn: image.arn,
    imageVersion: versionName(build.number),
    buildId: build.id,
    buildState: build.state,
    architecture: 'ARM_64',
    chipset: 'GRAVITON',
    chipsetGeneration: '4',
    stateReason: build.stateReason ?? undefined,
    createdAt: new Date(build.createdAt),
  };
}

/** Sizes that are known, or undefined when none is (spec: image-build section 5). */
export function snapshotView(build: BuildRow): SnapshotBuild | undefined {
  const sizes: SnapshotBuild = {
    memorySnapshotSizeInBytes: build.memorySnapshotSizeInBytes ?? undefined,
    codeInstallSizeInBytes: build.codeInstallSizeInBytes ?? undefined,
    diskSnapshotSizeInBytes: build.diskSnapshotSizeInBytes ?? undefined,
  };
  return Object.values(sizes).some((size) => size !== undefined) ? sizes : undefined;
}
