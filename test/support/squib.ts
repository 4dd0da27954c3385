// Starts a real squib for a test: the same program that users start, with a data directory of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { CloudWatchLogsClient } from '@aws-sdk/client-cloudwatch-logs';
import { LambdaMicrovmsClient } from '@aws-sdk/client-lambda-microvms';
import { S3Client } from '@aws-sdk/client-s3';
import { type Config, readConfig } from '../../src/config/config.ts';
import { dataLayout } from '../../src/config/layout.ts';
import { readRootCredential } from '../../src/daemon/credentials.ts';
import { removeNamespace } from '../../src/host/network/uplink.ts';
import { ensureStandInImages } from '../../src/setup/stand-in-images.ts';
import { freePort } from './free-port.ts';

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
    await this.down();
    for (const pid of processesOf(this.config.dataDir)) process.kill(pid, 'SIGKILL');
    await removeNamespace(this.config.dataDir);
    rmSync(this.config.dataDir, { recursive: true, force: true });
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

/** Processes whose command line or mounts mention a path: what a test must not leave behind. */
export function processesOf(path: string): number[] {
  const found: number[] = [];
  for (const pid of readdirNumbers('/proc')) {
    try {
      const text =
        readFileSync(`/proc/${pid}/cmdline`, 'utf8') + readFileSync(`/proc/${pid}/mountinfo`, 'utf8');
      if (text.includes(path) && pid !== process.pid) found.push(pid);
    } catch {
      // it ended while we looked
    }
  }
  return found;
}

function readdirNumbers(folder: string): number[] {
  return readdirSync(folder).map(Number).filter(Number.isInteger);
}
