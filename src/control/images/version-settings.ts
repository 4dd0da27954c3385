import type { Caller } from '../../aws/caller.ts';
import type { CreateMicrovmImageRequest } from '../../aws/models/lambda-microvms.ts';
import type { Store } from '../../store/store.ts';
import { codeArtifactNotS3, reservedVariable, unsupportedMemory } from '../errors.ts';
import { checkConnectors, defaultEgress } from '../managed-connectors.ts';
import { resolveBase } from '../managed-images.ts';
import { hookSettings } from './hook-settings.ts';

/** What create and update say about the version they make: members as in the API, defaults filled in. */
export type VersionSettings = Omit<CreateMicrovmImageRequest, 'name' | 'tags' | 'clientToken'> & {
  resources: [{ minimumMemoryInMiB: number }];
  egressNetworkConnectors: string[];
  baseImageVersion: string;
};

/** Decision C18: what squib injects into every container cannot be set by an image. */
const reservedVariables = new Set([
  'AWS_REGION',
  'AWS_LAMBDA_MICROVM_IMAGE_NAME',
  'AWS_LAMBDA_MICROVM_IMAGE_ARN',
  'AWS_LAMBDA_MICROVM_IMAGE_VERSION',
]);

const defaultMemoryMiB = 2048;

/** `s3://<bucket>/<key>` */
const S3_URI = /^s3:\/\/[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]\/.+$/;

/**
 * The settings of a new version. Nothing is taken from the version before: an update replaces everything
 * (spec: control-plane section 4, UpdateMicrovmImage), its memory too (Decision C27).
 *
 * @throws ServiceError for what AWS refuses at once; a missing object or role shows only in the build.
 */
export function versionSettings(
  store: Store,
  caller: Caller,
  input: Omit<CreateMicrovmImageRequest, 'name' | 'tags' | 'clientToken'>,
): VersionSettings {
  const { base, echoedVersion } = resolveBase(caller.region, input.baseImageArn, input.baseImageVersion);
  if (!S3_URI.test(input.codeArtifact.uri)) throw codeArtifactNotS3();
  const memory = input.resources?.[0]?.minimumMemoryInMiB ?? defaultMemoryMiB;
  if (!base.memoryMiB.includes(memory)) throw unsupportedMemory(memory, input.baseImageArn, base.memoryMiB);
  hookSettings(input.hooks);
  // Decision C19: there is no limit on their size as a whole.
  for (const name of Object.keys(input.environmentVariables ?? {})) {
    if (reservedVariables.has(name)) throw reservedVariable(name);
  }
  const connectors = input.egressNetworkConnectors ?? [];
  checkConnectors(store, caller, 'egress', connectors);
  return {
    baseImageArn: input.baseImageArn,
    baseImageVersion: echoedVersion,
    buildRoleArn: input.buildRoleArn,
    description: input.description,
    codeArtifact: input.codeArtifact,
    logging: input.logging,
    egressNetworkConnectors: connectors.length > 0 ? connectors : defaultEgress(caller.region),
    cpuConfigurations: input.cpuConfigurations,
    resources: [{ minimumMemoryInMiB: memory }],
    additionalOsCapabilities: input.additionalOsCapabilities,
    hooks: input.hooks,
    environmentVariables: input.environmentVariables,
  };
}
