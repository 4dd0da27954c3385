// A real squib with one image whose application answers GET / on port 8080; no runtime hooks.
import { readFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import {
  CreateMicrovmAuthTokenCommand,
  RunMicrovmCommand,
  TerminateMicrovmCommand,
} from '@aws-sdk/client-lambda-microvms';
import type { Config } from '../src/config/config.ts';
import { createImage, imageSettled, probeHooks, probeZip, put } from '../test/support/images.ts';
import { autoResume, get, send } from '../test/support/microvms.ts';
import { TestSquib } from '../test/support/squib.ts';

const imageName = 'bench';

export interface BenchMicrovm {
  id: string;
  /** One request on a connection of its own; throws unless it is answered with 200. */
  request(): Promise<void>;
  /** The same for another path; the answer's body. */
  get(path: string): Promise<string>;
  terminate(): Promise<void>;
}

/** What a benchmark of MicroVMs works with. */
export class BenchLab {
  readonly squib: TestSquib;
  readonly imageArn: string;
  readonly #clients: TestSquib['clients'];

  private constructor(squib: TestSquib, imageArn: string) {
    this.squib = squib;
    this.imageArn = imageArn;
    this.#clients = squib.clients;
  }

  static async open(overrides: Parameters<typeof TestSquib.start>[0] = {}): Promise<BenchLab> {
    const squib = await TestSquib.start(overrides);
    try {
      const uri = await put(squib, 'bench.zip', await probeZip());
      const { port, microvmImageHooks } = probeHooks;
      const arn = await createImage(squib, imageName, uri, { hooks: { port, microvmImageHooks } });
      const { state, reason } = await imageSettled(squib, arn);
      if (state !== 'CREATED') throw new Error(`the image is ${state}: ${reason}\n${squib.log.slice(-3000)}`);
      return new BenchLab(squib, arn);
    } catch (error) {
      await squib.remove();
      throw error;
    }
  }

  get microvms() {
    return this.#clients.microvms;
  }

  get snapshotDir(): string {
    return join(this.squib.layout.images, imageName, '1.0');
  }

  /** Process id of a running MicroVM's QEMU. */
  pid(id: string): number {
    return Number(readFileSync(join(this.squib.layout.microvm(id), 'pid'), 'utf8').split(' ')[0]);
  }

  /** RunMicrovm, a token, and a request that is held until the MicroVM answers. */
  async run(): Promise<BenchMicrovm> {
    const { microvmId: id = '', endpoint = '' } = await this.microvms.send(
      new RunMicrovmCommand({ imageIdentifier: this.imageArn, idlePolicy: autoResume }),
    );
    const { authToken } = await this.microvms.send(
      new CreateMicrovmAuthTokenCommand({
        microvmIdentifier: id,
        expirationInMinutes: 60,
        allowedPorts: [{ port: 8080 }],
      }),
    );
    const headers = { 'x-aws-proxy-auth': authToken?.['X-aws-proxy-auth'] ?? '' };
    const get = async (path: string) => {
      const { status, body } = await send(this.squib, endpoint, path, headers);
      if (status !== 200) throw new Error(`${status}: ${body}\n${this.squib.log.slice(-3000)}`);
      return body;
    };
    const request = async () => void (await get('/'));
    await request();
    return { id, request, get, terminate: () => this.terminate(id) };
  }

  async terminate(microvmIdentifier: string): Promise<void> {
    await this.microvms.send(new TerminateMicrovmCommand({ microvmIdentifier }));
    await this.until(microvmIdentifier, 'TERMINATED');
  }

  /** Asks every few milliseconds: without a pause, asking would take the processors from what is measured. */
  async until(id: string, state: string): Promise<void> {
    while ((await get(this.squib, id)).state !== state) await sleep(3);
  }

  /** Fields of the newest line of the daemon's log with this event. */
  lastLogged(event: string): Record<string, unknown> {
    const line = this.squib.log.split('\n').findLast((text) => text.includes(`"event":"${event}"`));
    return line === undefined ? {} : JSON.parse(line);
  }

  /** Waits until a machine has been restored ahead that no start has taken. */
  async untilStandby(): Promise<void> {
    const folder = this.squib.layout.standby;
    for (;;) {
      const there = await readdir(folder).catch(() => []);
      if (there.some((id) => this.squib.log.includes(`"standby":"${id}"`))) return;
      await sleep(20);
    }
  }

  /** The daemon with other settings. */
  async restart(settings: Partial<Config>): Promise<void> {
    await this.squib.down('SIGTERM');
    Object.assign(this.squib.config, settings);
    await this.squib.up();
  }

  close(): Promise<void> {
    return this.squib.remove();
  }
}

export async function timed(act: () => Promise<unknown>): Promise<number> {
  const start = performance.now();
  await act();
  return performance.now() - start;
}
