import { metrics, timed } from '../../metrics/metrics.ts';
import type { MicrovmRow } from '../../store/microvms.ts';
import { activityPolicyOf } from '../activity/activity-policy.ts';
import type { Timer } from '../clock.ts';
import type { Ground } from '../context.ts';
import { backoff, delay } from '../delay.ts';
import { EndpointUnavailable } from '../endpoints.ts';
import { remember } from '../history.ts';
import { MicrovmFailed, type Presence } from '../host.ts';
import {
  type MicrovmAction,
  type MicrovmEvent,
  type MicrovmOutcome,
  type MicrovmState,
  nextMicrovmState,
} from '../microvm-state.ts';
import { persist } from '../persist.ts';
import { type Deadline, nextDeadline } from './deadlines.ts';
import { startOrder } from './start-order.ts';
import { WaitingRoom } from './waiting-room.ts';

/** `stateReason` after an end that somebody wanted. Decision L8: caps of time end with it too. */
const SUCCESS = 'Success.';

/** In which state an action is still wanted, and what its success means. */
const actions: Record<MicrovmAction, { during: MicrovmState; done: MicrovmEvent; reason: string }> = {
  start: {
    during: 'PENDING',
    done: 'started',
    reason: 'The snapshot was restored and the run hook answered.',
  },
  suspend: { during: 'SUSPENDING', done: 'suspended', reason: 'Memory and disk were written.' },
  resume: {
    during: 'RESUMING',
    done: 'resumed',
    reason: 'Memory and disk were restored and the resume hook answered.',
  },
  terminate: { during: 'TERMINATING', done: 'terminated', reason: 'Its process and files were removed.' },
};

/** Names of the actions as metrics show them: the API's. */
const steps = { start: 'run', suspend: 'suspend', resume: 'resume', terminate: 'terminate' } as const;

const participle = { suspend: 'suspended', resume: 'resumed' } as const;

const found: Record<Presence, MicrovmEvent> = {
  running: 'foundRunning',
  suspended: 'foundSuspended',
  gone: 'foundGone',
};

/**
 * The one writer of a MicroVM. A change is committed before anything acts on it; what the host is asked to do
 * happens one by one; time, the endpoint, callers and the host all speak to the MicroVM through {@link tell}.
 */
export class MicrovmActor {
  readonly #ground: Ground;
  readonly #stopped: AbortSignal;
  readonly #onGone: () => void;
  #row: MicrovmRow;
  #lastActivity: number;
  #timer: Timer | undefined;
  #work: Promise<void> = Promise.resolve();
  readonly #waiting = new WaitingRoom();
  readonly #endListeners = new Set<() => void>();
  readonly #suspendingListeners = new Set<() => void>();
  readonly #onStop = () => {
    this.#timer?.cancel();
    this.#waiting.turnAwayAll('closing');
  };

  /** @param onGone called when the MicroVM is TERMINATED and needs no actor any more. */
  constructor(ground: Ground, row: MicrovmRow, stopped: AbortSignal, onGone: () => void) {
    this.#ground = ground;
    this.#row = row;
    this.#stopped = stopped;
    this.#onGone = onGone;
    this.#lastActivity = ground.clock.now();
    this.#setTimer();
    stopped.addEventListener('abort', this.#onStop, { once: true });
  }

  get state(): MicrovmState {
    return this.#row.state;
  }

  get row(): Readonly<MicrovmRow> {
    return this.#row;
  }

  touch(): void {
    this.#lastActivity = this.#ground.clock.now();
  }

  onEnd(listener: () => void): () => void {
    this.#endListeners.add(listener);
    return () => this.#endListeners.delete(listener);
  }

  onSuspending(listener: () => void): () => void {
    this.#suspendingListeners.add(listener);
    return () => this.#suspendingListeners.delete(listener);
  }

  /** Asks the host for the first time: the MicroVM was just recorded as PENDING. */
  launch(): void {
    this.#enqueue('start');
  }

  /** The machine ended by itself; `reason` is what the API shows. */
  exited(reason: string): void {
    void this.#persist(() => this.tell('exited', reason, reason));
  }

  /** See `EndpointDirectory.takesTraffic`. */
  takesTraffic(): boolean {
    if (this.#row.state !== 'RUNNING') return false;
    this.touch();
    return true;
  }

  /** See `EndpointDirectory.acquire`. */
  async acquire(signal: AbortSignal): Promise<void> {
    // Decision L10: a request that passed the token checks is activity, whatever becomes of it.
    this.touch();
    switch (this.#row.state) {
      case 'RUNNING':
        return;
      case 'SUSPENDED':
      case 'SUSPENDING': // Decision L12: held until it is suspended, then resumed
        if (this.#row.autoResume !== 1) throw new EndpointUnavailable('suspended');
        break;
      case 'TERMINATING':
      case 'TERMINATED':
        throw new EndpointUnavailable('terminated');
      default: // Decision L17: traffic waits for the run hook, and for the resume hook
    }
    if (this.#stopped.aborted) throw new EndpointUnavailable('closing');
    signal.throwIfAborted();
    this.#resumeIfAsked();
    return this.#waiting.enter(signal);
  }

  /**
   * Keeps the MicroVM as it is under `forkPoint`, if it still runs when everything asked before is done.
   * @returns the state at that moment; only for RUNNING there is a checkpoint
   * @throws whatever kept the host from it; the MicroVM runs on then
   */
  fork(forkPoint: string): Promise<MicrovmState> {
    const made = this.#work.then(async () => {
      if (this.#row.state !== 'RUNNING') return this.#row.state;
      const { host, config } = this.#ground;
      const order = startOrder(this.#row, config.endpoint.domain);
      await timed(metrics.step, 'fork', () => host.fork(order, forkPoint));
      return 'RUNNING';
    });
    this.#work = made.then(
      () => {},
      () => {},
    );
    return made;
  }

  /**
   * Lets an event happen.
   * @param reason for the history, a sentence.
   * @param stateReason what the API shows when the event ends the MicroVM, or a problem that it survived.
   */
  tell(event: MicrovmEvent, reason: string, stateReason?: string): MicrovmOutcome {
    const outcome = nextMicrovmState(this.#row.state, this.#translate(event));
    if (outcome.kind !== 'move') return outcome;
    const { clock, store } = this.#ground;
    const from = this.#row.state;
    const at = clock.now();
    const next: MicrovmRow = { ...this.#row, state: outcome.to, stateSince: at };
    if (outcome.to === 'RUNNING') next.runHookPayload = null;
    if (outcome.to === 'RUNNING' || outcome.to === 'SUSPENDED') next.stateReason = stateReason ?? null;
    if (outcome.to === 'TERMINATING' && from !== 'TERMINATING') next.stateReason = stateReason ?? SUCCESS;
    // Decision C15: terminatedAt appears with TERMINATED.
    if (outcome.to === 'TERMINATED') Object.assign(next, { terminatedAt: at, runHookPayload: null });
    store.transaction(() => {
      store.microvms.update(next);
      if (outcome.to === 'TERMINATED') store.activityPolicies.remove(next.id);
      remember(store, { kind: 'microvm', id: next.id }, { from, to: outcome.to, reason, at });
    });
    this.#row = next;
    this.#ground.log.info('microvm.state', { microvmId: next.id, from, to: outcome.to, reason });
    if (outcome.action !== undefined) this.#enqueue(outcome.action);
    this.#moved(from, event);
    return outcome;
  }

  /**
   * After a restart: finds out what is left of the MicroVM and takes it from there.
   * Resolves after the first look; a host that cannot look is asked again in the background.
   */
  recover(): Promise<void> {
    const state = this.#row.state;
    if (state === 'PENDING') {
      this.tell('interrupted', 'squib was stopped while the MicroVM started; it is started again.');
      return Promise.resolve();
    }
    if (state === 'TERMINATING') {
      this.tell('interrupted', 'squib was stopped while the MicroVM was terminated; it is terminated again.');
      return Promise.resolve();
    }
    return new Promise((looked) => {
      this.#work = this.#work.then(async () => {
        const presence = await this.#look(looked);
        if (presence !== undefined) await this.#persist(() => this.#reconcile(presence));
        looked();
      });
    });
  }

  /** Resolves when nothing is being done for this MicroVM. */
  async settled(): Promise<void> {
    let work: Promise<void>;
    do {
      work = this.#work;
      await work;
    } while (work !== this.#work);
  }

  /** A MicroVM that may not stay suspended is terminated instead (spec: lifecycle-and-hooks 1). */
  #translate(event: MicrovmEvent): MicrovmEvent {
    const suspends = event === 'suspend' || event === 'idle';
    const ends = suspends && this.#row.state === 'RUNNING' && this.#row.suspendedSeconds === 0;
    return ends ? 'suspendedTooLong' : event;
  }

  #reconcile(presence: Presence): void {
    const state = this.#row.state;
    const again = 'squib was stopped in the middle; it goes on from there.';
    if (state === 'SUSPENDING' && presence === 'running') this.tell('interrupted', again);
    else if (state === 'RESUMING' && presence === 'suspended') this.tell('interrupted', again);
    else this.#tellFound(presence, 'squib was started again.');
    this.touch();
    this.#setTimer();
  }

  /** @param problem that the API shows as the reason of the state, a sentence. */
  #tellFound(presence: Presence, occasion: string, problem?: string): void {
    if (presence !== 'gone') {
      this.tell(found[presence], `${occasion} The MicroVM was found ${presence}.`, problem);
      return;
    }
    const what = this.#row.state === 'SUSPENDED' ? 'saved state' : 'virtual machine';
    const sentence = `The ${what} of the MicroVM was gone when squib looked for it.`;
    const stateReason = problem === undefined ? sentence : `${problem} ${sentence}`;
    this.tell('foundGone', `${occasion} ${sentence}`, stateReason);
  }

  #enqueue(action: MicrovmAction): void {
    this.#work = this.#work.then(() => this.#perform(action));
  }

  async #perform(action: MicrovmAction): Promise<void> {
    const { during, done, reason } = actions[action];
    if (this.#row.state !== during || this.#stopped.aborted) return;
    const { host, config, log } = this.#ground;
    const order = startOrder(this.#row, config.endpoint.domain);
    for (let attempt = 0; ; attempt++) {
      try {
        await timed(metrics.step, steps[action], () => host[action](order));
        return await this.#persist(() => this.tell(done, reason));
      } catch (error) {
        log.warn('microvm.failed', { microvmId: order.microvmId, action, attempt, error });
        if (action !== 'terminate') return this.#failed(action, error as Error);
      }
      // An end must come about: try until it does, or until the next start of squib tries.
      await delay(this.#ground.clock, backoff(attempt), this.#stopped);
      if (this.#stopped.aborted) return;
    }
  }

  async #failed(action: Exclude<MicrovmAction, 'terminate'>, error: Error): Promise<void> {
    if (error instanceof MicrovmFailed) {
      return this.#persist(() => this.tell('failed', error.message, error.message));
    }
    if (action === 'start') {
      const sentence = `The MicroVM could not be started: ${error.message}`;
      return this.#persist(() => this.tell('failed', sentence, sentence));
    }
    // The host could not do it, for want of disk space say. Nothing may be lost: go by what is there.
    const presence = await this.#look();
    if (presence === undefined) return;
    const problem = sentence(`The MicroVM could not be ${participle[action]}: ${error.message}`);
    await this.#persist(() => this.#tellFound(presence, problem, problem));
  }

  /** Asks the host what is there until it knows; undefined when squib stops before that. */
  async #look(onFirstTry?: () => void): Promise<Presence | undefined> {
    const { host, config, clock, log } = this.#ground;
    for (let attempt = 0; !this.#stopped.aborted; attempt++) {
      try {
        return await host.inspect(startOrder(this.#row, config.endpoint.domain));
      } catch (error) {
        log.error('microvm.inspect', { microvmId: this.#row.id, attempt, error });
      }
      onFirstTry?.();
      await delay(clock, backoff(attempt), this.#stopped);
    }
    return undefined;
  }

  async #persist(write: () => void): Promise<void> {
    await persist(this.#ground, this.#stopped, write);
  }

  #resumeIfAsked(): void {
    // Decision L13: one resume, and all callers wait for it.
    if (this.#row.state === 'SUSPENDED') this.tell('request', 'A request arrived at the endpoint.');
  }

  /** Tells everyone who waits or listens what the new state means to them. */
  #moved(from: MicrovmState, event: MicrovmEvent): void {
    const to = this.#row.state;
    if (to === 'RUNNING') {
      this.touch();
      this.#waiting.admitAll();
    } else if (to === 'SUSPENDING') {
      for (const listener of this.#suspendingListeners) listener();
    } else if (to === 'SUSPENDED' && from === 'RESUMING') {
      this.#waiting.turnAwayAll('resumeFailed');
    } else if (to === 'TERMINATING' || to === 'TERMINATED') {
      const failed = event === 'failed' || event === 'foundGone';
      const why = from === 'PENDING' ? 'startFailed' : from === 'RESUMING' ? 'resumeFailed' : 'terminated';
      this.#waiting.turnAwayAll(failed ? why : 'terminated');
    }
    // Connections serve the terminate hook's application to the end, unless the machine is gone already.
    const machineGone = event === 'failed' || event === 'exited' || event === 'foundGone';
    if (to === 'SUSPENDED' || to === 'TERMINATED' || machineGone) this.#notifyEnd();
    this.#setTimer();
    if (to === 'SUSPENDED' && !this.#waiting.empty) void this.#persist(() => this.#resumeIfAsked());
    if (to === 'TERMINATED') {
      this.#stopped.removeEventListener('abort', this.#onStop);
      this.#onGone();
    }
  }

  #notifyEnd(): void {
    const listeners = [...this.#endListeners];
    this.#endListeners.clear();
    for (const listener of listeners) listener();
  }

  #nextDeadline(): Deadline | undefined {
    return nextDeadline(this.#row, this.#lastActivity, activityPolicyOf(this.#ground, this.#row));
  }

  /** One timer at most. Activity does not move it: it fires, sees that there was some, and is set again. */
  #setTimer(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#stopped.aborted) return;
    const deadline = this.#nextDeadline();
    if (deadline === undefined) return;
    const { clock } = this.#ground;
    this.#timer = clock.setTimer(Math.max(0, deadline.at - clock.now()), () => this.#timeUp());
  }

  #timeUp(): void {
    const { clock, log } = this.#ground;
    const deadline = this.#nextDeadline();
    if (deadline === undefined || this.#stopped.aborted) return;
    try {
      if (deadline.at > clock.now()) this.#setTimer();
      else this.tell(deadline.event, deadline.reason);
    } catch (error) {
      log.error('microvm.timer', { microvmId: this.#row.id, error });
      this.#timer = clock.setTimer(1000, () => this.#timeUp());
    }
  }
}

const sentence = (text: string) => (text.endsWith('.') ? text : `${text}.`);
