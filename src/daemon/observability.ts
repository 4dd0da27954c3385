import { randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { join } from 'node:path';
import type { Probes } from '../aws/probes.ts';
import type { Config } from '../config/config.ts';
import { SquibError } from '../errors/squib-error.ts';
import { writeFileDurably } from '../store/durable-file.ts';
import { MetricsCollector, type MetricsSources } from './collect-metrics.ts';
import { createProbes } from './probes.ts';

/** With less room than this, hardly anything can be recorded any more. */
const leastDiskBytes = 64 * 1024 ** 2;
const shortestToken = 16;

export interface ObservabilityParts extends Omit<MetricsSources, 'memoryQuotaMiB'> {
  config: Config;
  keysDir: string;
}

export interface Observability {
  probes: Probes;
  /** From now on squib is not ready. */
  stopping(): void;
}

/** Metrics, health and readiness. @throws SquibError when the token's file cannot be used */
export function openObservability(parts: ObservabilityParts): Observability {
  const { config, keysDir, store, host, version, accelerator } = parts;
  const collector = new MetricsCollector({
    ...{ store, host, version, accelerator, memoryQuotaMiB: config.quotas.memoryMiB },
  });
  let stopping = false;
  const problems = async () => {
    if (stopping) return ['squib is stopping.'];
    const found: string[] = [];
    try {
      store.microvms.memoryInUse();
    } catch {
      found.push('The database cannot be read.');
    }
    const { bavail, bsize } = await statfs(config.dataDir);
    if (bavail * bsize < leastDiskBytes) found.push('The disk of the data directory is full.');
    return found;
  };
  const probes = createProbes({
    token: metricsToken(config, keysDir),
    collect: () => collector.collect(),
    problems,
  });
  return {
    probes,
    stopping() {
      stopping = true;
    },
  };
}

/** The token that readers of the metrics send: the configured file's, or one that is made at first start. */
function metricsToken({ metrics: { tokenFile } }: Config, keysDir: string): string {
  const file = tokenFile === '' ? join(keysDir, 'metrics-token') : tokenFile;
  let token: string;
  try {
    token = readFileSync(file, 'utf8').trim();
  } catch (error) {
    if (tokenFile !== '' || (error as NodeJS.ErrnoException).code !== 'ENOENT') {
      const advice = 'Check the setting metrics.tokenFile, and the mode of the file.';
      throw new SquibError(`The token of the metrics cannot be read from ${file}.`, advice, { cause: error });
    }
    token = randomBytes(32).toString('base64url');
    writeFileDurably(file, `${token}\n`, 0o600);
  }
  if (token.length < shortestToken) {
    const advice = `Write one of at least ${shortestToken} characters into it: openssl rand -hex 32.`;
    throw new SquibError(`The token of the metrics in ${file} is too short.`, advice);
  }
  return token;
}
