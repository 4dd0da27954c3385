import { randomUUID } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { rename, writeFile } from 'node:fs/promises';
import { release, version } from 'node:os';
import { join } from 'node:path';
import { SquibError } from '../errors/squib-error.ts';
import { probeKvm } from './kvm-probe.ts';

export interface Choice {
  accelerator: 'kvm' | 'tcg';
  reason: string;
}

interface Verdict {
  /** Everything that the outcome depends on. */
  circumstances: string;
  works: boolean;
  reason: string;
}

/**
 * KVM or software emulation. That /dev/kvm is there and opens says nothing: on some nested hosts a stock kernel then
 * spins forever. So the guest kernel itself is tried once, and the outcome kept in the cache directory.
 * @throws SquibError when `kvm` is demanded and does not work.
 */
export async function chooseAccelerator(o: {
  cacheDir: string;
  accelerator: 'auto' | 'kvm' | 'tcg';
}): Promise<Choice> {
  if (o.accelerator === 'tcg')
    return { accelerator: 'tcg', reason: 'the configuration asks for software emulation' };
  const verdict = existsSync('/dev/kvm')
    ? await rememberedVerdict(o.cacheDir)
    : { works: false, reason: 'this machine has no /dev/kvm' };
  if (verdict.works) return { accelerator: 'kvm', reason: verdict.reason };
  if (o.accelerator === 'auto') return { accelerator: 'tcg', reason: verdict.reason };
  throw new SquibError(
    `KVM is demanded by the configuration, but does not work here: ${verdict.reason}.`,
    "Set the accelerator to 'auto', or use a machine with working KVM.",
  );
}

async function rememberedVerdict(cacheDir: string): Promise<Verdict> {
  const path = join(cacheDir, 'kvm-verdict.json');
  const stamp = readFileSync(join(cacheDir, 'kernel/kernel-stamp'), 'utf8').trim();
  const circumstances = `${release()} ${version()} ${stamp}`;
  if (existsSync(path)) {
    try {
      const kept: Verdict = JSON.parse(readFileSync(path, 'utf8'));
      if (kept.circumstances === circumstances) return kept;
    } catch {
      // A file that cannot be read is as good as none: probe again and replace it.
    }
  }
  const verdict = { circumstances, ...(await probeKvm(cacheDir)) };
  // Several squibs may find this out at a time; whoever is last replaces what is the same.
  const fresh = `${path}.${randomUUID()}`;
  await writeFile(fresh, `${JSON.stringify(verdict, null, 2)}\n`, { mode: 0o644 });
  await rename(fresh, path);
  return verdict;
}
