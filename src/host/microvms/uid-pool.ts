import { SquibError } from '../../errors/squib-error.ts';

/** How many MicroVMs and builds may run on one host at the same time. */
export const poolSize = 60_000;

/** Hands every running machine a host user id of its own, so that no QEMU can touch another's files. */
export class UidPool {
  readonly #first: number;
  readonly #taken = new Map<string, number>();
  readonly #free: number[] = [];
  #next = 0;

  constructor(first: number) {
    this.#first = first;
  }

  /** The id of `owner`, the same one until it is released. */
  take(owner: string): number {
    const known = this.#taken.get(owner);
    if (known !== undefined) return known;
    const offset = this.#free.pop() ?? this.#next++;
    if (offset >= poolSize) {
      throw new SquibError(`No more than ${poolSize} MicroVMs can run on one host.`, 'Terminate some.');
    }
    const uid = this.#first + offset;
    this.#taken.set(owner, uid);
    return uid;
  }

  /** Marks the id of a machine found running after a restart as taken. */
  adopt(owner: string, uid: number): void {
    const offset = uid - this.#first;
    for (; this.#next <= offset; this.#next++) if (this.#next !== offset) this.#free.push(this.#next);
    const free = this.#free.indexOf(offset);
    if (free >= 0) this.#free.splice(free, 1);
    this.#taken.set(owner, uid);
  }

  /** `from`'s id is `to`'s from now on. */
  pass(from: string, to: string): void {
    const uid = this.#taken.get(from);
    if (uid === undefined) throw new Error(`${from} has no user id`);
    this.#taken.delete(from);
    this.#taken.set(to, uid);
  }

  release(owner: string): void {
    const uid = this.#taken.get(owner);
    if (uid === undefined) return;
    this.#taken.delete(owner);
    this.#free.push(uid - this.#first);
  }
}
