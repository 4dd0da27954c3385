/** A small seeded generator (mulberry32): a failing case can be run again by its seed. */
export class Random {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** 0 ≤ result < `below` */
  int(below: number): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let t = this.#state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) % below;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(list.length)]!;
  }

  chance(percent: number): boolean {
    return this.int(100) < percent;
  }

  /** Text of characters that are hard on encoders. */
  text(longest: number): string {
    const alphabet = [...'abcXYZ019 -_.~/:+%&=?#!\'()*"<>;,@$[]{}\\|^`', 'ü', 'é', '漢', '🎈', '\u00a0'];
    return Array.from({ length: this.int(longest + 1) }, () => this.pick(alphabet)).join('');
  }

  bytes(longest: number): Buffer {
    return Buffer.from(Array.from({ length: this.int(longest + 1) }, () => this.int(256)));
  }
}

/** Runs `check` for many seeds; the seed is in the message of what fails. */
export async function forSeeds(count: number, check: (random: Random, seed: number) => void | Promise<void>) {
  const first = Number(process.env.SQUIB_TEST_SEED ?? 1);
  for (let seed = first; seed < first + count; seed++) {
    try {
      await check(new Random(seed), seed);
    } catch (error) {
      throw new Error(`seed ${seed}: ${error instanceof Error ? error.message : String(error)}`, {
        cause: error,
      });
    }
  }
}
