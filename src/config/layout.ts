import { join } from 'node:path';

/** Where everything lies in the data directory (`docs/operating.md` shows the same picture). */
export function dataLayout(dataDir: string) {
  const images = join(dataDir, 'images');
  const microvms = join(dataDir, 'microvms');
  const builds = join(dataDir, 'builds');
  const forks = join(dataDir, 'forks');
  const standby = join(dataDir, 'standby');
  return {
    database: join(dataDir, 'squib.db'),
    keys: join(dataDir, 'keys'),
    objects: join(dataDir, 's3'),
    logs: join(dataDir, 'logs'),
    audit: join(dataDir, 'audit'),
    /** Which MicroVM has which wire. */
    networks: join(dataDir, 'networks.json'),
    images,
    microvms,
    builds,
    forks,
    /** Machines restored ahead, a folder each. */
    standby,
    /** MicroVMs whose saved state was found damaged, kept for a look at them. */
    damaged: join(dataDir, 'damaged'),
    /** Snapshot of one image version. */
    version: (imageName: string, imageVersion: string) => join(images, imageName, imageVersion),
    /** Files of one MicroVM. */
    microvm: (microvmId: string) => join(microvms, microvmId),
    /** Snapshot of a running MicroVM that others were made of. */
    fork: (forkPoint: string) => join(forks, forkPoint),
    /** Scratch of one running build. */
    build: (microvmId: string) => join(builds, microvmId),
  };
}

export type DataLayout = ReturnType<typeof dataLayout>;
