// Starts a real squib for a test: the same program that users start, with a data directory of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { LambdaMicrovmsClient } from '@aws-sdk/client-lambda-microvms';
import { S3Client } from '@aws-sdk/client-s3';
import { type Config, readConfig } from '../../src/config/config.ts';
import { dataLayout } from '../../src/config/layout.ts';
import { ControlGroup } from '../../src/control-groups/control-group.ts';
import { readLayout } from '../../src/control-groups/layout.ts';
import { readRootCredential } from '../../src/daemon/credentials.ts';
import { namespaceOf, removeNamespace } from '../../src/host/network/uplink.ts';
import { ensureStandInImages } from '../../src/setup/stand-in-images.ts';
import { freePort } from './free-port.ts';
import { noteSquib } from './leftovers.ts';
import { killIfThere, processesOf } from './squib-processes.ts';

const program = fileURLToPath(new URL('../../src/cli/main.ts', import.meta.url));

/** One squib with a data directory that lives as long as the test; the daemon in it may be killed and started again. */
export class TestSquib {
  readonly config: Config;
  readonly layout: ReturnType<typeof dataLayout>;
  #daemon: ChildProcess | undefined;
  #log = '';

  private constructor(config: Config) {
    this.config = config;
    this.layout = dataLayout(config.dataDir);
  }

  static async start(overrides: Partial<Config> = {}): Promise<TestSquib> {
    const defaults = readConfig();
    const squib = new TestSquib({
      ...defaults,
      dataDir: overrides.dataDir ?? mkdtempSync('/tmp/squib-'),
      api: { host: '127.0.0.1', port: await freePort() },
      endpoint: { host: '127.0.0.1', port: await freePort(), domain: 'localhost' },
      mirrors: await ensureStandInImages(defaults.cacheDir, () => {}),
      // Restoring ahead takes processors from whatever is tested; its own tests turn it on.
      standby: { ...defaults.standby, perVersion: 0 },
      ...overrides,
    });
    noteSquib(squib.config.dataDir);
    await squib.up();
    return squib;
  }

  /** Starts the daemon and waits until it says that it is up. */
  async up(): Promise<void> {
    const file = join(this.config.dataDir, 'config.json');
    mkdirSync(this.config.dataDir, { recursive: true });
    writeFileSync(file, JSON.stringify(this.config));
    const daemon = spawn(process.execPath, [program, 'up', '--config', file], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.#daemon = daemon;
    daemon.stderr.on('data', (text) => {
      this.#log += text;
    });
    await new Promise<void>((resolve, reject) => {
      daemon.stdout.once('data', () => resolve());
      daemon.once('exit', (code) => reject(new Error(`squib ended with ${code}:\n${this.#log}`)));
    });
    daemon.once('exit', (code) => {
      if (code !== null && code !== 0) console.error(`squib ended with ${code}:\n${this.#log.slice(-3000)}`);
    });
  }

  /** Everything the daemon has logged so far. */
  get log(): string {
    return this.#log;
  }

  get pid(): number {
    return this.#daemon?.pid ?? 0;
  }

  /** Ends the daemon as a crash would, or orderly with SIGTERM. */
  async down(signal: 'SIGKILL' | 'SIGTERM' = 'SIGKILL'): Promise<void> {
    const daemon = this.#daemon;
    if (!daemon || daemon.exitCode !== null || daemon.signalCode !== null) return;
    const ended = new Promise((resolve) => daemon.once('exit', resolve));
    daemon.kill(signal);
    await ended;
  }

  /** Ends everything that belongs to this squib and removes its files. */
  async remove(): Promise<void> {
    await this.end();
    rmSync(this.config.dataDir, { recursive: true, force: true });
  }

  /** Ends everything that belongs to this squib; its files stay. */
  async end(): Promise<void> {
    const { dataDir } = this.config;
    await this.down();
    const { name } = namespaceOf(dataDir);
    // On a file system of its own, what a QEMU has mounted does not tell where that is; its control group does.
    for (const pid of processesOf(dataDir, `/${name}/`)) killIfThere(pid);
    await removeNamespace(dataDir);
    const machines = ControlGroup.at(name, await readLayout());
    for (let attempt = 0; attempt < 100; attempt++) {
      await machines.sweep();
      if (await machines.remove(1)) break;
      await sleep(20); // until those that were killed have been waited for
    }
  }

  /** AWS's own clients, pointed at this squib. */
  get clients() {
    const common = {
      endpoint: `http://127.0.0.1:${this.config.api.port}`,
      region: this.config.region,
      credentials: readRootCredential(this.layout.keys),
      maxAttempts: 1,
    };
    return {
      microvms: new LambdaMicrovmsClient(common),
      s3: new S3Client({ ...common, forcePathStyle: true }),
      logs: new CloudWatchLogsClient(common),
    };
  }

  get ca(): string {
    return readFileSync(join(this.layout.keys, 'ca.pem'), 'utf8');
  }

  get buildRoleArn(): string {
    return `arn:aws:iam::${this.config.accountId}:role/test-build`;
  }

  get baseImageArn(): string {
    return `arn:aws:lambda:${this.config.region}:aws:microvm-image:al2023-1`;
  }
}
