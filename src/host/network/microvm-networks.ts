import { randomInt } from 'node:crypto';
import { readFile, rename, writeFile } from 'node:fs/promises';
import { networkInterfaces } from 'node:os';
import { isDeepStrictEqual } from 'node:util';
import { type Network, parseNetwork } from '../../config/ipv4.ts';
import type { Tap } from '../../engine/engine.ts';
import { SquibError } from '../../errors/squib-error.ts';
import type { GuestNetwork } from '../../guest/guest-connection.ts';
import type { Log } from '../../log/log.ts';
import { domainRulesFor, type EgressPolicy, isClosed, noEgress } from './egress.ts';
import { command, ownNetworks } from './host-network.ts';
import { NamespaceShell } from './namespace-shell.ts';
import {
  type Admission,
  admissionRules,
  allRules,
  learnedForMs,
  learnRules,
  ownRules,
  wireRules,
  withdrawalRules,
} from './rules.ts';
import { connectNamespace, namespaceOf, removeNamespace, sweepNamespaces } from './uplink.ts';
import { prefixLength, type Wire, wireAt, wireCommands, wireCount } from './wires.ts';

/** So many wires are kept ready; making one takes milliseconds that no start should wait for. */
const spare = 8;
const batch = 16;
/** How often the host's own networks are looked at again. */
const ownNetworksEveryMs = 30_000;
const recentMs = 1000;

/** Seen from the MicroVM. */
export interface Traffic {
  sentBytes: number;
  receivedBytes: number;
}

export interface NetworkParts {
  dataDir: string;
  /** Where is kept who has which wire; for a restart of the daemon, not for one of the host. */
  stateFile: string;
  log: Log;
}

/**
 * The networks of all MicroVMs: each has a wire of its own into a namespace that belongs to squib alone, where
 * everything is refused until a policy is admitted for it.
 */
export class MicrovmNetworks {
  readonly #parts: NetworkParts;
  readonly #namespace: { name: string; path: string };
  readonly #shell: NamespaceShell;
  readonly #taken = new Map<string, Admission>();
  /** Made and not in use; the longest unused one is taken first. */
  readonly #ready: Wire[] = [];
  #made = 0;
  #making: Promise<void> | undefined;
  #own: string[] = [];
  #writing: Promise<void> = Promise.resolve();
  #nextWrite: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;
  readonly #turns = new Map<string, Promise<unknown>>();
  #recent: { at: number; traffic: Promise<Map<string, Traffic>> } | undefined;

  private constructor(parts: NetworkParts) {
    this.#parts = parts;
    this.#namespace = namespaceOf(parts.dataDir);
    this.#shell = new NamespaceShell(this.#namespace.path);
  }

  /** @throws SquibError when this machine cannot make namespaces, TAP interfaces or nftables' rules */
  static async open(parts: NetworkParts): Promise<MicrovmNetworks> {
    const networks = new MicrovmNetworks(parts);
    try {
      await sweepNamespaces();
      const { fresh } = await connectNamespace(parts.dataDir);
      await networks.#begin(fresh);
    } catch (cause) {
      throw new SquibError(
        `The network of the MicroVMs could not be made: ${(cause as Error).message}`,
        "Run 'squib doctor'; it names what this machine lacks.",
        { cause },
      );
    }
    return networks;
  }

  /** Networks and addresses of this host. */
  get own(): Network[] {
    return this.#own.map((text) => parseNetwork(text)).filter((network) => network !== undefined);
  }

  /** A wire for a machine, which leads nowhere yet. The same one until it is released. */
  attach(id: string): Promise<Tap> {
    return this.#inTurn(id, () => this.#attach(id));
  }

  async #attach(id: string): Promise<Tap> {
    const known = this.#taken.get(id);
    const wire = known?.wire ?? (await this.#take());
    if (!known) {
      this.#taken.set(id, { wire, mark: newMark(), policy: noEgress, sent: 0, received: 0 });
      await this.#remember(); // a machine that outlives this process must not find its wire given to another
    }
    return { name: wire.name, networkNamespace: this.#namespace.path };
  }

  /** What `from` was attached to belongs to `to` from now on. */
  pass(from: string, to: string): void {
    const admission = this.#taken.get(from);
    if (!admission) throw new Error(`${from} is not attached`);
    this.#taken.delete(from);
    this.#taken.set(to, admission);
  }

  /** Lets an attached machine out as far as the policy says. @returns the address for its guest; undefined: none */
  admit(id: string, policy: EgressPolicy): Promise<GuestNetwork | undefined> {
    return this.#inTurn(id, () => this.#admit(id, policy));
  }

  async #admit(id: string, policy: EgressPolicy): Promise<GuestNetwork | undefined> {
    const before = this.#taken.get(id);
    if (!before) return undefined;
    // What was learned belongs to the rules of its number.
    const same = isDeepStrictEqual(before.policy.domains, policy.domains);
    const admission: Admission = { ...before, policy, ...(!same && { learned: {} }) };
    this.#taken.set(id, admission);
    await this.#remember();
    // The same rules stand already when a machine was prepared for this policy, or found again after a restart.
    if (!isDeepStrictEqual(before.policy, policy)) {
      const rules = withdrawalRules(before) + admissionRules(admission);
      if (rules) await this.#nft(rules);
    }
    if (isClosed(policy)) return undefined;
    const { address, gateway } = admission.wire;
    return { address, gateway, prefixLength };
  }

  /** Allows what a machine's domain rules allow of the addresses that are about to be answered for a name. */
  learn(id: string, name: string | undefined, addresses: readonly string[]): Promise<void> {
    return this.#inTurn(id, () => this.#learn(id, name, addresses));
  }

  async #learn(id: string, name: string | undefined, addresses: readonly string[]): Promise<void> {
    const admission = this.#taken.get(id);
    if (!admission || admission.policy.domains.length === 0) return;
    const now = Date.now();
    admission.learned ??= {};
    const fresh: string[] = [];
    for (const address of addresses)
      for (const index of domainRulesFor(admission.policy, this.own, name, address)) {
        admission.learned[index] ??= {};
        const known = admission.learned[index];
        if ((known[address] ?? 0) > now + learnedForMs / 2) continue;
        known[address] = now + learnedForMs;
        fresh.push(...learnRules(admission.wire, index, [address]));
      }
    if (fresh.length === 0) return;
    await this.#nft(fresh.join(''));
    await this.#remember();
  }

  /** The policy that holds for a machine. */
  policyOf(id: string): EgressPolicy {
    return this.#taken.get(id)?.policy ?? noEgress;
  }

  /** Takes a machine's way out and, once it is gone, its wire. @returns what crossed it */
  release(id: string): Promise<Traffic | undefined> {
    return this.#inTurn(id, () => this.#release(id));
  }

  async #release(id: string): Promise<Traffic | undefined> {
    const admission = this.#taken.get(id);
    if (!admission) return undefined;
    const traffic = isClosed(admission.policy) ? undefined : (await this.traffic()).get(id);
    const rules = withdrawalRules(admission);
    if (rules) await this.#nft(rules);
    this.#taken.delete(id);
    this.#ready.push(admission.wire);
    await this.#remember();
    return traffic;
  }

  /**
   * Changes of one MicroVM's way out, in the order in which they were asked for: a machine may end while it is being
   * admitted, and rules can only be taken once they are there.
   */
  #inTurn<T>(id: string, change: () => Promise<T>): Promise<T> {
    const before = this.#turns.get(id) ?? Promise.resolve();
    const turn = before.then(change, change);
    this.#turns.set(id, turn);
    const end = () => {
      if (this.#turns.get(id) === turn) this.#turns.delete(id);
    };
    turn.then(end, end);
    return turn;
  }

  /** Releases what belongs to none of these. */
  async retain(ids: ReadonlySet<string>): Promise<void> {
    for (const id of [...this.#taken.keys()]) if (!ids.has(id)) await this.release(id);
  }

  /** Bytes of IP packets that each MicroVM with a way out sent and received. */
  async traffic(): Promise<Map<string, Traffic>> {
    const { sent, received } = await this.#counters();
    const result = new Map<string, Traffic>();
    for (const [id, { wire, policy }] of this.#taken) {
      if (isClosed(policy)) continue;
      result.set(id, { sentBytes: sent.get(wire.name) ?? 0, receivedBytes: received.get(wire.name) ?? 0 });
    }
    return result;
  }

  /** {@link traffic} of at most a second ago: who looks at a hundred MicroVMs asks the kernel once. */
  recentTraffic(): Promise<Map<string, Traffic>> {
    const now = performance.now();
    if (!this.#recent || now - this.#recent.at > recentMs) {
      const traffic = this.traffic();
      this.#recent = { at: now, traffic };
      traffic.catch(() => {
        this.#recent = undefined;
      });
    }
    return this.#recent.traffic;
  }

  /** Leaves everything as it is for MicroVMs that run on; removes it when there are none. */
  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#making?.catch(() => {});
    await this.#shell.close();
    if (this.#taken.size === 0) await removeNamespace(this.#parts.dataDir);
  }

  async #begin(fresh: boolean): Promise<void> {
    const numbers = fresh ? [] : await this.#wiresThere();
    if (!fresh) await this.#recall(new Set(numbers));
    this.#made = numbers.reduce((most, number) => Math.max(most, number + 1), 0);
    const used = new Set([...this.#taken.values()].map(({ wire }) => wire.number));
    this.#own = await hostNetworks();
    const wires = numbers.map(wireAt);
    await this.#nft(allRules(wires, [...this.#taken.values()], this.#own));
    this.#ready.push(...wires.filter(({ number }) => !used.has(number)));
    if (this.#ready.length < spare) await this.#make();
    this.#timer = setInterval(() => void this.#lookAgain(), ownNetworksEveryMs).unref();
  }

  async #take(): Promise<Wire> {
    const wire = this.#ready.shift();
    if (this.#ready.length < spare) {
      const making = this.#make();
      making.catch((error) => this.#parts.log.error('network.wires', { error }));
      if (!wire) await making;
    }
    const taken = wire ?? this.#ready.shift();
    if (!taken)
      throw new SquibError(`No more than ${wireCount} MicroVMs can run at once.`, 'Terminate some.');
    return taken;
  }

  /** More wires, one batch at a time. */
  #make(): Promise<void> {
    this.#making ??= (async () => {
      const count = Math.min(batch, wireCount - this.#made);
      const wires = Array.from({ length: count }, (_, index) => wireAt(this.#made + index));
      if (count === 0) return;
      this.#made += count;
      await command('ip', ['-n', this.#namespace.name, '-batch', '-'], wireCommands(wires));
      await this.#nft(wireRules(wires));
      this.#ready.push(...wires);
    })().finally(() => {
      this.#making = undefined;
    });
    return this.#making;
  }

  async #wiresThere(): Promise<number[]> {
    const list = await command('ip', ['-n', this.#namespace.name, '-json', 'link', 'show']);
    const names = (JSON.parse(list || '[]') as { ifname: string }[]).map(({ ifname }) => ifname);
    return names.flatMap((name) => /^t(\d+)$/.exec(name)?.[1] ?? []).map(Number);
  }

  /** What an earlier run of squib had admitted, with what was counted since. */
  async #recall(there: ReadonlySet<number>): Promise<void> {
    const text = await readFile(this.#parts.stateFile, 'utf8').catch(() => '{}');
    const kept = Object.entries(JSON.parse(text) as Record<string, Admission>);
    const { sent, received } = await this.#counters();
    for (const [id, admission] of kept) {
      if (!there.has(admission.wire.number)) continue;
      const { name } = admission.wire;
      forgetOld(admission);
      const counts = { sent: sent.get(name) ?? 0, received: received.get(name) ?? 0 };
      this.#taken.set(id, { ...admission, ...counts });
    }
  }

  /** Written before the rules are: what is admitted is always known. Not synced; a restarted host has no wires. */
  #remember(): Promise<void> {
    // Whoever comes while one write is under way shares the next; a full disk fails those that met it, not all to come.
    this.#nextWrite ??= this.#writing
      .catch(() => {})
      .then(async () => {
        this.#nextWrite = undefined;
        const { stateFile } = this.#parts;
        const text = JSON.stringify(Object.fromEntries(this.#taken));
        await writeFile(`${stateFile}.new`, text, { mode: 0o600 });
        await rename(`${stateFile}.new`, stateFile);
      });
    this.#writing = this.#nextWrite;
    return this.#writing;
  }

  async #lookAgain(): Promise<void> {
    try {
      const own = await hostNetworks();
      if (own.join() === this.#own.join()) return;
      this.#own = own;
      await this.#nft(ownRules(own));
    } catch (error) {
      this.#parts.log.error('network.own', { error });
    }
  }

  /** What was counted on each wire; both in one look, because starting nft takes milliseconds. */
  async #counters(): Promise<Record<'sent' | 'received', Map<string, number>>> {
    const answer = await this.#nft('', ['-j', 'list', 'sets', 'inet']);
    const { nftables } = JSON.parse(answer) as { nftables: { set?: CountedSet }[] };
    const counted = (name: string) => {
      const elements = nftables.flatMap(({ set }) => (set?.name === name ? (set.elem ?? []) : []));
      return new Map(elements.map(({ elem }) => [elem.val, elem.counter.bytes]));
    };
    return { sent: counted('sent'), received: counted('received') };
  }

  #nft(input: string, args: string[] = ['-f', '-']): Promise<string> {
    return this.#shell.run('nft', args, input);
  }
}

/** Addresses whose time is over; also what an earlier version of squib did not know of is filled in. */
function forgetOld(admission: Admission): void {
  admission.policy.domains ??= [];
  for (const addresses of Object.values(admission.learned ?? {}))
    for (const [address, until] of Object.entries(addresses))
      if (until < Date.now()) delete addresses[address];
}

/** Only those called `sent` and `received` have such elements. */
interface CountedSet {
  name: string;
  elem?: { elem: { val: string; counter: { bytes: number } } }[];
}

async function hostNetworks(): Promise<string[]> {
  const addresses = Object.values(networkInterfaces()).flatMap((list) =>
    (list ?? []).flatMap(({ family, address }) => (family === 'IPv4' ? address : [])),
  );
  const all = [...(await ownNetworks()), ...addresses].filter((text) => parseNetwork(text));
  return [...new Set(all)].sort();
}

/** Not zero, which is what connections without a mark have. */
const newMark = () => randomInt(1, 2 ** 31);
