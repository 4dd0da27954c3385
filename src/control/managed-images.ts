import { managedImageArn } from './arns.ts';
import { baseImageUnknown, baseVersionUnknown } from './errors.ts';

/** A base image that AWS provides; squib knows the same ones by name (spec: image-build section 3). */
export interface ManagedImage {
  name: string;
  createdAt: Date;
  updatedAt: Date;
  /** Newest first. */
  versions: readonly { version: string; createdAt: Date }[];
  /** Sizes that images on this base may ask for, in MiB. */
  memoryMiB: readonly number[];
}

export const managedImages: readonly ManagedImage[] = [
  {
    name: 'al2023-1',
    createdAt: new Date('2026-06-17T00:00:00Z'),
    updatedAt: new Date('2026-07-21T00:00:00Z'),
    versions: [
      { version: '1', createdAt: new Date('2026-07-21T00:00:00Z') },
      { version: '0', createdAt: new Date('2026-06-17T00:00:00Z') },
    ],
    memoryMiB: [512, 1024, 2048, 4096, 8192],
  },
];

export function findManagedImage(region: string, arn: string): ManagedImage | undefined {
  return managedImages.find(({ name }) => managedImageArn(region, name) === arn);
}

/**
 * The base that a request names, and the version to echo: `"1"` comes back as `"1.0"`, which is itself no legal input.
 * @throws ServiceError when AWS has no such base or version.
 */
export function resolveBase(region: string, arn: string, version: string | undefined) {
  const base = findManagedImage(region, arn);
  if (base === undefined) {
    throw version === undefined ? baseImageUnknown(arn) : baseVersionUnknown(arn, version);
  }
  // Decision C30: without a version, create and update take the newest one.
  const wanted = version ?? base.versions[0]?.version;
  if (wanted === undefined || !base.versions.some((each) => each.version === wanted)) {
    throw baseVersionUnknown(arn, version ?? '');
  }
  return { base, echoedVersion: `${wanted}.0` };
}
