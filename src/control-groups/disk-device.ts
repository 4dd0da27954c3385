import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';

/**
 * `MAJOR:MINOR` of the whole disk that a folder lies on, which is what bandwidth is limited by. Undefined where there
 * is no such disk: file systems over several (Btrfs, ZFS), overlays, memory.
 */
export function diskDevice(folder: string): string | undefined {
  const { dev } = statSync(folder);
  // As glibc's gnu_dev_major and gnu_dev_minor take a device number apart.
  const major = Math.floor(dev / 2 ** 8) % 2 ** 12;
  const minor = (dev % 2 ** 8) + (Math.floor(dev / 2 ** 20) % 2 ** 12) * 2 ** 8;
  const known = `/sys/dev/block/${major}:${minor}`;
  if (!existsSync(known)) return undefined;
  const device = realpathSync(known);
  const whole = existsSync(join(device, 'partition')) ? join(device, '..') : device;
  return readFileSync(join(whole, 'dev'), 'utf8').trim();
}
