import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SquibError } from '../errors/squib-error.ts';

/** Something that the set-up puts into the cache directory. */
export interface SetUpPart {
  name: string;
  /** Below the cache directory. */
  path: string;
  what: string;
}

/** In the order in which they are reported. */
export const setUpParts: SetUpPart[] = [
  { name: 'runtime tree', path: 'runtime/usr/bin/qemu-system-x86_64', what: 'QEMU and the image builder' },
  { name: 'guest kernel', path: 'kernel/vmlinux', what: 'what every MicroVM boots' },
  { name: 'initramfs', path: 'kernel/initramfs', what: 'kernel modules and the guest agent' },
  { name: 'guest agent', path: 'bin/guest-agent', what: 'process 1 of every MicroVM' },
  { name: 'jailer', path: 'bin/jailer', what: 'locks QEMU in' },
];

/** @throws SquibError naming the first part that is missing. */
export function requireSetUp(cacheDir: string): void {
  const missing = setUpParts.find(({ path }) => !existsSync(join(cacheDir, path)));
  if (!missing) return;
  const { name, what, path } = missing;
  throw new SquibError(
    `The ${name} (${what}) is missing: ${join(cacheDir, path)}.`,
    "Run 'squib setup'; 'squib doctor' shows everything that is missing.",
  );
}
