import type { Context } from '../context.ts';
import { buildQuota, versionQuota } from '../errors.ts';
import { remember } from '../history.ts';
import { type Occasion, versionSubject } from './image-records.ts';
import type { VersionSettings } from './version-settings.ts';

/**
 * Records the next version of an image together with its build, both PENDING; call it inside a transaction.
 * The image's own row must say `number` already.
 * @throws ServiceError when a quota is reached.
 */
export function recordVersion(
  { store, random, config }: Context,
  imageId: string,
  number: number,
  settings: VersionSettings,
  { at, reason }: Occasion,
): void {
  const { concurrentBuilds, versionsPerImage } = config.quotas;
  if (store.builds.countInFlight() >= concurrentBuilds) throw buildQuota(concurrentBuilds);
  if (store.versions.count(imageId) >= versionsPerImage) throw versionQuota(versionsPerImage);
  store.versions.insert({
    ...{ imageId, number, state: 'PENDING', status: 'INACTIVE', stateReason: null },
    memoryMiB: settings.resources[0].minimumMemoryInMiB,
    settings: JSON.stringify(settings),
    ...{ createdAt: at, updatedAt: at },
  });
  const build = { id: random.uuid(), imageId, number, microvmId: `microvm-${random.uuid()}` };
  store.builds.insert({ ...build, state: 'PENDING', createdAt: at });
  const born = { from: null, to: 'PENDING', reason, at };
  remember(
    store,
    { kind: 'version', id: versionSubject(imageId, number) },
    { ...born, to: 'PENDING/INACTIVE' },
  );
  remember(store, { kind: 'build', id: build.id }, born);
}
