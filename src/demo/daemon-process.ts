import { type ChildProcess, spawn } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Config } from '../config/config.ts';
import { SquibError } from '../errors/squib-error.ts';

const program = fileURLToPath(new URL('../cli/main.ts', import.meta.url));
const startTimeoutMs = 60_000;

export interface DaemonProcess {
  logFile: string;
  /** What the daemon said of itself when it was up. */
  banner: string;
  /** What it last wrote, when it has ended although nobody stopped it. */
  ended(): SquibError | undefined;
  /** Ends the daemon. */
  stop(): Promise<void>;
}

/** True when something answers on the API's port. */
export async function isUp(config: Config): Promise<boolean> {
  try {
    await fetch(`http://localhost:${config.api.port}/`, { signal: AbortSignal.timeout(2000) });
    return true;
  } catch {
    return false;
  }
}

/** Starts `squib up` with this configuration as a process of its own and waits until it is up. */
export async function startDaemonProcess(config: Config): Promise<DaemonProcess> {
  mkdirSync(config.dataDir, { recursive: true, mode: 0o700 });
  const configFile = join(config.dataDir, 'demo-config.json');
  writeFileSync(configFile, `${JSON.stringify(config, undefined, 2)}\n`, { mode: 0o600 });
  const logFile = join(config.dataDir, 'squib.log');
  const log = openSync(logFile, 'a', 0o600);
  const daemon = spawn(process.execPath, [program, 'up', '--config', configFile], {
    stdio: ['ignore', 'pipe', log],
    detached: true,
  });
  const banner = await firstLine(daemon, logFile);
  const hasEnded = () => daemon.exitCode !== null || daemon.signalCode !== null;
  return {
    logFile,
    banner,
    ended() {
      if (!hasEnded()) return undefined;
      return new SquibError(`squib ended:\n${lastLines(logFile)}`, `The rest is in ${logFile}.`);
    },
    async stop() {
      if (hasEnded()) return;
      daemon.ref();
      const ended = new Promise((resolve) => daemon.once('exit', resolve));
      daemon.kill('SIGTERM');
      await ended;
    },
  };
}

function firstLine(daemon: ChildProcess, logFile: string): Promise<string> {
  const started = new Promise<string>((resolve, reject) => {
    daemon.stdout?.once('data', (text: Buffer) => {
      daemon.stdout?.destroy();
      daemon.unref();
      resolve(text.toString().split('\n')[0] ?? '');
    });
    daemon.once('exit', () => {
      reject(
        new SquibError(`squib did not start:\n${lastLines(logFile)}`, "'squib doctor' looks for the cause."),
      );
    });
  });
  const late = sleep(startTimeoutMs, undefined, { ref: false }).then(() => {
    throw new SquibError('squib did not start within a minute.', `Look into ${logFile}.`);
  });
  return Promise.race([started, late]);
}

const lastLines = (logFile: string) => readFileSync(logFile, 'utf8').trim().split('\n').slice(-4).join('\n');
