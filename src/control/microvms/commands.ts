import type { Readable } from 'node:stream';
import type { Caller } from '../../aws/caller.ts';
import type { Timer } from '../clock.ts';
import type { Context } from '../context.ts';
import { EndpointUnavailable } from '../endpoints.ts';
import { commandRefused, microvmEnded, microvmUnavailable } from '../errors.ts';
import { type CommandOrder, CommandRefused, type CommandSession, MicrovmFailed } from '../host.ts';
import { findMicrovm } from './find-microvm.ts';

/** So often a command that runs counts as activity. */
const touchMs = 1000;

/**
 * squib's own: commands and files in MicroVMs. Each counts as activity from its begin to its end, and wakes a suspended
 * MicroVM up where its idle policy lets a request do that.
 */
export class Commands {
  readonly #context: Context;

  constructor(context: Context) {
    this.#context = context;
  }

  /**
   * Starts a command.
   * @throws ServiceError 404 for an unknown MicroVM, 400 for what cannot be run, 409 when the MicroVM takes no commands
   */
  async exec(
    microvmId: string,
    order: CommandOrder,
    caller: Caller,
    signal: AbortSignal,
  ): Promise<CommandSession> {
    const release = await this.#hold(microvmId, caller, signal);
    try {
      const session = await this.#context.host.exec(microvmId, order);
      void session.exited.finally(release);
      return session;
    } catch (error) {
      release();
      throw refusal(microvmId, error);
    }
  }

  /** A file or folder as a tar stream. @throws ServiceError as {@link exec}, and 404 when the path is not there */
  async read(microvmId: string, path: string, caller: Caller): Promise<Readable> {
    const release = await this.#hold(microvmId, caller);
    try {
      const tar = await this.#context.host.readFiles(microvmId, path);
      return tar.once('close', release);
    } catch (error) {
      release();
      throw refusal(microvmId, error);
    }
  }

  /** Puts the entries of a tar stream to `path`. @throws ServiceError as {@link read} */
  async write(microvmId: string, path: string, tar: Readable, caller: Caller): Promise<void> {
    const release = await this.#hold(microvmId, caller);
    try {
      await this.#context.host.writeFiles(microvmId, path, tar);
    } catch (error) {
      throw refusal(microvmId, error);
    } finally {
      release();
    }
  }

  /** Checks that it is there for the caller without waking it. @throws ServiceError */
  check(microvmId: string, caller: Caller): void {
    const { state } = findMicrovm(this.#context.store, caller, microvmId);
    if (state === 'TERMINATING' || state === 'TERMINATED') throw microvmEnded(microvmId);
  }

  /** Awaits that the MicroVM takes traffic, and keeps its idle timer from firing until the result is called. */
  async #hold(microvmId: string, caller: Caller, signal = new AbortController().signal): Promise<() => void> {
    const { microvms, clock } = this.#context;
    this.check(microvmId, caller);
    try {
      await microvms.acquire(microvmId, signal);
    } catch (error) {
      if (error instanceof EndpointUnavailable) throw microvmUnavailable(microvmId, error.message);
      throw error;
    }
    let timer: Timer;
    const touch = () => {
      microvms.touch(microvmId);
      timer = clock.setTimer(touchMs, touch);
    };
    touch();
    return () => timer.cancel();
  }
}

function refusal(microvmId: string, error: unknown): unknown {
  if (error instanceof CommandRefused) return commandRefused(error.kind, error.message);
  if (error instanceof MicrovmFailed) return microvmUnavailable(microvmId, error.message);
  return error;
}
