import { existsSync } from 'node:fs';
import { dirname } from 'node:path';
import { diskDevice } from '../control-groups/disk-device.ts';
import { controllers, defaultRoot } from '../control-groups/layout.ts';
import { usableControllers } from '../control-groups/usable.ts';
import type { Finding } from './examine.ts';

/**
 * Which limits of MicroVMs and image builds this host can set; tries them on a group of its own.
 * @param root where control groups are mounted; another place in tests
 */
export async function examineLimits(dataDir: string, root = defaultRoot): Promise<Finding> {
  const subject = 'limits';
  let there = dataDir; // it may not have been made yet
  while (!existsSync(there)) there = dirname(there);
  const usable = await usableControllers(diskDevice(there), root);
  const missing = controllers.filter((each) => !usable[each]);
  const versions = [...new Set(Object.values(usable))].sort().join(' and ');
  const detail = `control groups (version ${versions}) for ${Object.keys(usable).join(', ')}`;
  if (missing.length === 0) return { subject, state: 'ok', detail };
  const names = missing.map((each) => (each === 'io' ? 'disk traffic (reading)' : each));
  const disk =
    'Disk traffic can be limited where the data directory lies on a disk of its own, not on Btrfs, ZFS or an overlay.';
  const remedy =
    missing.join() === 'io' ? disk : 'Mount cgroup v2 writable for squib, or boot without cgroup_disable.';
  return {
    subject,
    state: 'warning',
    detail: `no control group for ${names.join(', ')}: MicroVMs and image builds are not limited there`,
    remedy,
  };
}
