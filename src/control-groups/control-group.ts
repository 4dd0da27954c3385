import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Controller, controllers, type Layout, readLayout } from './layout.ts';
import { type Limits, settings } from './limits.ts';

/** What a host answers that has a controller but does not let squib use it, or a kernel without one of the limits. */
const notHere = ['ENOENT', 'EROFS', 'EACCES', 'EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENODEV'];
/** A group is busy until its last process has been waited for. */
const removalAttempts = 100;
const removalPauseMs = 20;

/** Processes that are limited together: one folder under version 2, one per controller under version 1. */
export class ControlGroup {
  /** Relative to where controllers are mounted, such as `squib-1f/microvm-1`. */
  readonly name: string;
  readonly #layout: Layout;

  private constructor(name: string, layout: Layout) {
    this.name = name;
    this.#layout = layout;
  }

  /** One that may exist already. */
  static at(name: string, layout: Layout): ControlGroup {
    return new ControlGroup(name, layout);
  }

  /**
   * Makes a group, or takes one that was left behind, and sets its limits. Its parents must be there already.
   * A controller that this host lacks limits nothing; `squib doctor` says so.
   */
  static async make(name: string, limits: Limits, layout?: Layout): Promise<ControlGroup> {
    const group = new ControlGroup(name, layout ?? (await readLayout()));
    await Promise.all(controllers.map((controller) => group.#apply(controller, limits)));
    return group;
  }

  /** A process that writes 0 into `cgroup.procs` of each is in the group. */
  folders(): string[] {
    const all = controllers.flatMap((each) => this.#folder(each) ?? []);
    return [...new Set(all)];
  }

  /** Whether the kernel ended a process of the group because its memory was used up. */
  async ranOutOfMemory(): Promise<boolean> {
    const folder = this.#folder('memory');
    if (!folder) return false;
    const texts = ['memory.events', 'memory.oom_control'].map((file) =>
      readFile(join(folder, file), 'utf8').catch(() => ''),
    );
    return /^oom_kill [1-9]/m.test((await Promise.all(texts)).join('\n'));
  }

  /** Removes it; the processes in it are gone or going. @returns false when there are some after all */
  async remove(attempts = removalAttempts): Promise<boolean> {
    const gone = await Promise.all(this.folders().map((folder) => removeFolder(folder, attempts)));
    return gone.every(Boolean);
  }

  /** Removes the groups below it that no process is in. */
  async sweep(): Promise<void> {
    const names = new Set<string>();
    for (const folder of this.folders())
      for (const entry of await readdir(folder, { withFileTypes: true }).catch(() => []))
        if (entry.isDirectory()) names.add(entry.name);
    for (const name of names) await ControlGroup.at(join(this.name, name), this.#layout).remove(1);
  }

  #folder(controller: Controller): string | undefined {
    const mounted = this.#layout[controller];
    return mounted && join(mounted.folder, this.name);
  }

  async #apply(controller: Controller, limits: Limits): Promise<void> {
    const mounted = this.#layout[controller];
    if (!mounted) return;
    const { version } = mounted;
    const folder = join(mounted.folder, this.name);
    if (version === 2) {
      // From the top down each time: systemd takes controllers away that none of its own units needs.
      let above = mounted.folder;
      for (const name of ['', ...dirname(this.name).split('/')]) {
        above = join(above, name);
        await write(join(above, 'cgroup.subtree_control'), `+${controller}`);
      }
    }
    await mkdir(folder).catch((error) => {
      if (error.code !== 'EEXIST' && !notHere.includes(error.code)) throw error;
    });
    for (const [file, value] of settings(limits, controller, version)) await write(join(folder, file), value);
  }
}

/** Never makes a file: outside of control groups there is nothing to write into. */
async function write(file: string, value: string): Promise<void> {
  await writeFile(file, value, { flag: 'r+' }).catch((error) => {
    // EBUSY: a tree with processes of its own at the top, as in many containers.
    if (![...notHere, 'EBUSY'].includes(error.code)) throw error;
  });
}

async function removeFolder(folder: string, attempts: number): Promise<boolean> {
  for (let attempt = 0; ; attempt++) {
    try {
      await rmdir(folder);
      return true;
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return true;
      if (attempt + 1 >= attempts) return false;
      await delay(removalPauseMs);
    }
  }
}
