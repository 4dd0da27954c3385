import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Caller } from '../../../src/aws/caller.ts';
import type {
  CreateMicrovmImageRequest,
  RunMicrovmRequest,
} from '../../../src/aws/models/lambda-microvms.ts';
import { type Control, createControl } from '../../../src/control/control.ts';
import { defaultQuotas, type Quotas } from '../../../src/control/quotas.ts';
import type { TokenGrant } from '../../../src/control/tokens.ts';
import { createLog } from '../../../src/log/log.ts';
import { openStore, type Store } from '../../../src/store/store.ts';
import { FaultyHost, World } from './faulty-host.ts';
import { VirtualClock } from './virtual-clock.ts';

export const caller: Caller = {
  accountId: '111111111111',
  accessKeyId: 'AKIDEXAMPLE',
  arn: 'arn:aws:iam::111111111111:root',
  userId: '111111111111',
  region: 'eu-west-1',
  requestId: '3c8e0000-0000-4000-8000-000000000001',
};

export const baseArn = 'arn:aws:lambda:eu-west-1:aws:microvm-image:al2023-1';
export const imageArn = (name: string) => `arn:aws:lambda:eu-west-1:111111111111:microvm-image:${name}`;
export const managedConnector = (name: string) =>
  `arn:aws:lambda:eu-west-1:aws:network-connector:aws-network-connector:${name}`;

/** The least that CreateMicrovmImage takes. */
export const imageRequest = (
  name: string,
  more: Partial<CreateMicrovmImageRequest> = {},
): CreateMicrovmImageRequest => ({
  name,
  baseImageArn: baseArn,
  buildRoleArn: 'arn:aws:iam::111111111111:role/build',
  codeArtifact: { uri: 's3://bucket/app.zip' },
  ...more,
});

/** Rules over a real database, with time and host in the test's hand. */
export class Lab {
  readonly world = new World();
  readonly clock = new VirtualClock();
  readonly grants: TokenGrant[] = [];
  readonly logLines: string[] = [];
  readonly #directory = mkdtempSync(join(tmpdir(), 'squib-control-'));
  readonly #quotas: Quotas;
  /** Asked at each commit; true makes it fail. */
  storeFails: () => boolean = () => false;
  store!: Store;
  host!: FaultyHost;
  control!: Control;

  constructor(quotas: Partial<Quotas> = {}) {
    this.#quotas = { ...defaultQuotas, rates: {}, ...quotas };
    this.#open();
  }

  get api() {
    return this.control.operations;
  }

  get file(): string {
    return join(this.#directory, 'squib.db');
  }

  #open(): void {
    this.store = openStore(this.file);
    const { transaction } = this.store;
    this.store.transaction = (work) =>
      transaction(() => {
        const result = work();
        if (this.storeFails()) throw new Error('the disk is full');
        return result;
      });
    this.host = new FaultyHost(this.world, this.clock);
    this.control = createControl({
      store: this.store,
      host: this.host,
      clock: this.clock,
      log: createLog((line) => this.logLines.push(line)),
      config: {
        endpoint: { domain: 'localhost', port: 8443 },
        quotas: this.#quotas,
        activity: { cpuPercent: 0, egressBytesPerSecond: 0 },
      },
      tokens: {
        issue: async (grant) => {
          this.grants.push(grant);
          return `token-${this.grants.length}`;
        },
      },
    });
  }

  /** The daemon is killed and a new one finds what it left. @param meanwhile what happens while it is down. */
  async crash(meanwhile: () => void = () => {}): Promise<void> {
    const { course } = this.host;
    this.host.die();
    this.clock.forget();
    this.store.close();
    meanwhile();
    this.#open();
    this.host.course = course;
    await this.control.recover();
  }

  /** Time for everything that is under way to end. */
  settle(): Promise<void> {
    return this.clock.advance(1000);
  }

  async image(name = 'demo', more: Partial<CreateMicrovmImageRequest> = {}): Promise<string> {
    const { imageArn } = await this.api.CreateMicrovmImage(imageRequest(name, more), caller);
    await this.settle();
    return imageArn;
  }

  /** A RUNNING MicroVM of an image that is made if need be. */
  async microvm(more: Partial<RunMicrovmRequest> = {}): Promise<string> {
    const arn = imageArn('demo');
    if (this.store.images.byArn(arn) === undefined) await this.image('demo', allHooks);
    const { microvmId } = await this.api.RunMicrovm({ imageIdentifier: arn, ...more }, caller);
    await this.settle();
    return microvmId;
  }

  get(microvmIdentifier: string) {
    return this.api.GetMicrovm({ microvmIdentifier }, caller);
  }

  async state(microvmId: string): Promise<string> {
    return (await this.get(microvmId)).state;
  }

  async dispose(): Promise<void> {
    this.clock.forget();
    this.host.die();
    this.store.close();
    rmSync(this.#directory, { recursive: true });
  }
}

/** An image with every hook. */
export const allHooks: Partial<CreateMicrovmImageRequest> = {
  hooks: {
    port: 9000,
    microvmImageHooks: { ready: 'ENABLED' },
    microvmHooks: { run: 'ENABLED', runTimeoutInSeconds: 5, resume: 'ENABLED', suspend: 'ENABLED' },
  },
};

/** A lab that is cleaned up after the test. */
export function openLab(t: TestContext, quotas: Partial<Quotas> = {}): Lab {
  const lab = new Lab(quotas);
  t.after(() => lab.dispose());
  return lab;
}

/** For `assert.rejects`: a ServiceError with that code and exactly that text (or a text that fits). */
export const refusal = (code: string, message: string | RegExp) => ({ name: 'ServiceError', code, message });
