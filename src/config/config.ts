import { readFileSync } from 'node:fs';
import { defaultQuotas, type Quotas, type Rate } from '../control/quotas.ts';
import type { LimitSettings } from '../engine/machine-limits.ts';
import { SquibError } from '../errors/squib-error.ts';
import type { LimitProfile } from '../ingress/limits/guest-limits.ts';
import { checkExternalService, type ExternalService, ownService } from './external-service.ts';
import { checkLogSettings, type LogSettings, onlyOwnLogs } from './log-settings.ts';
import { checkNetworks, type NetworkSettings } from './network-settings.ts';

/** Every setting of squib with its type; `defaults` below is what holds when nobody says otherwise. */
export interface Config extends NetworkSettings {
  /** State that must not be lost: database, keys, objects, images, MicroVMs. Mode 0700. */
  dataDir: string;
  /** What the set-up can make again: runtime tree, kernel, base images, layer cache. */
  cacheDir: string;
  /** Region in ARNs and endpoint names. Signatures for other regions are refused. */
  region: string;
  /** Account in ARNs: 12 digits. */
  accountId: string;
  /** Where the API listens: one port for every AWS service that squib speaks. */
  api: { host: string; port: number };
  /** Whether code in MicroVMs reaches the API, at `http://169.254.169.252`; it needs credentials there as well. */
  apiInMicrovms: boolean;
  /** Where the endpoints of all MicroVMs listen. `port: 0` means 443 where it may be bound, else 8443. */
  endpoint: { host: string; port: number; domain: string };
  /**
   * What the endpoint of one MicroVM carries: `aws` has AWS's figures for each size, `none` has none. A number above 0 counts
   * instead of the profile's.
   */
  endpointLimits: LimitProfile;
  /** Name by which browsers may reach the web console, beside `localhost` and addresses; empty: none. */
  console: { name: string };
  /** `auto` takes KVM where a real kernel boots under it, else QEMU's software emulation. */
  accelerator: 'auto' | 'kvm' | 'tcg';
  /**
   * Where base images come from instead of their own registry. Key: a reference or the beginning of one;
   * value: another registry's prefix, `oci:/folder:tag` or `oci-archive:/file`.
   */
  mirrors: Record<string, string>;
  /**
   * Credentials for registries by host name, port included where it has one. The file holds nothing but the password.
   * With `ecrEndpoint` the registry is of Amazon ECR's kind: that service gives each build role its own password.
   */
  registries: Record<
    string,
    { username: string; passwordFile: string; ecrEndpoint?: string; ecrRegion?: string }
  >;
  /** Image builds: size of the layer cache on disk, and how long the container image build may take. */
  builds: { cacheGiB: number; timeoutMinutes: number };
  /** `skipUnsupported`: stacks are made without the resources of types that squib does not have, instead of refused. */
  cloudFormation: { skipUnsupported: boolean };
  /** Where else log events go. */
  logs: LogSettings;
  /** An S3 service that keeps all buckets instead of squib itself. */
  s3: ExternalService;
  /**
   * Machines restored ahead of the next RunMicrovm: so many per image version in use and on this host in all (0: none),
   * for as long as the version is started again within `idleMinutes`.
   */
  standby: { perVersion: number; total: number; idleMinutes: number };
  /** What counts as activity for idle policies besides the endpoint, unless a MicroVM or its image says otherwise. 0: not. */
  activity: { cpuPercent: number; egressBytesPerSecond: number };
  /** Who may read `/metrics`: whoever sends what stands in this file. Empty: `keys/metrics-token` in `dataDir`. */
  metrics: { tokenFile: string };
  /** An S3 service that code artifacts come from whose bucket is not in the S3 above. */
  artifacts: ExternalService;
  /** First of the host user ids that QEMU processes run under, one per MicroVM. */
  firstUid: number;
  /** What the QEMU of one MicroVM may use besides what its size gives its guest. */
  limits: LimitSettings;
  /** Limits of the account. `rates` by operation: a token bucket, or null for no limit. */
  quotas: Quotas;
}

const defaults: Config = {
  dataDir: '/var/lib/squib',
  cacheDir: '/var/cache/squib',
  region: 'us-east-1',
  accountId: '000000000000',
  api: { host: '127.0.0.1', port: 4700 },
  apiInMicrovms: false,
  endpoint: { host: '127.0.0.1', port: 0, domain: 'localhost' },
  endpointLimits: { profile: 'none', connections: 0, requestsPerSecond: 0, bytesPerSecond: 0 },
  console: { name: '' },
  accelerator: 'auto',
  mirrors: {},
  registries: {},
  builds: { cacheGiB: 10, timeoutMinutes: 30 },
  cloudFormation: { skipUnsupported: false },
  logs: onlyOwnLogs,
  s3: ownService,
  standby: { perVersion: 1, total: 4, idleMinutes: 10 },
  activity: { cpuPercent: 0, egressBytesPerSecond: 0 },
  metrics: { tokenFile: '' },
  artifacts: ownService,
  firstUid: 700_000,
  networks: {},
  securityGroups: {},
  roles: {},
  limits: {
    ...{ extraProcessors: 0.5, extraMemoryMiB: 512, threads: 128 },
    ...{ diskMiBPerSecond: 256, reservedMemoryMiB: 1024 },
  },
  quotas: defaultQuotas,
};

/** The file that is read when neither `--config` nor `SQUIB_CONFIG` names one; it need not exist. */
export const defaultConfigFile = '/etc/squib/config.json';

type Json = null | boolean | number | string | Json[] | { [name: string]: Json };

function fail(file: string, path: string, problem: string): never {
  throw new SquibError(
    `Setting '${path}' in ${file} ${problem}.`,
    'See docs/operating.md for every setting and its form.',
  );
}

/** What a rate is laid over where there is no limit by default: both numbers must be given. */
const noRate: Rate = { perSecond: 0, burst: 0 };

/** Lays `given` over `base`, checking that every name is known and every type fits. */
function merge<T extends object>(base: T, given: Json, file: string, path: string): T {
  if (given === null || typeof given !== 'object' || Array.isArray(given)) {
    fail(file, path || '(all)', 'must be an object');
  }
  const result = { ...base } as Record<string, unknown>;
  for (const [name, value] of Object.entries(given)) {
    const here = path ? `${path}.${name}` : name;
    const before = (base as Record<string, unknown>)[name];
    if (path === '' && ['networks', 'securityGroups', 'roles'].includes(name)) {
      // their keys are the user's; checkNetworks looks at them
    } else if (path === 'mirrors') {
      if (typeof value !== 'string') fail(file, here, 'must be a string');
    } else if (path === 'registries') {
      const none = { username: '', passwordFile: '', ecrEndpoint: '', ecrRegion: '' };
      result[name] = merge(none, value, file, here);
      continue;
    } else if (path === 'quotas.rates' && before !== undefined) {
      result[name] = value === null ? null : merge((before as Rate | null) ?? noRate, value, file, here);
      continue;
    } else if (before === undefined) {
      fail(file, here, 'is not a setting of squib');
    } else if (typeof before === 'object' && before !== null) {
      result[name] = merge(before, value, file, here);
      continue;
    } else if (typeof value !== typeof before) {
      fail(file, here, `must be a ${typeof before}`);
    }
    result[name] = value;
  }
  return result as T;
}

function checkValues(config: Config, file: string): void {
  checkNetworks(config, (path, problem) => fail(file, path, problem));
  if (!/^\d{12}$/.test(config.accountId)) fail(file, 'accountId', 'must have 12 digits');
  if (!/^[a-z]{2}(-[a-z]+)+-\d$/.test(config.region)) fail(file, 'region', 'must look like us-east-1');
  if (!['auto', 'kvm', 'tcg'].includes(config.accelerator)) {
    fail(file, 'accelerator', "must be 'auto', 'kvm' or 'tcg'");
  }
  for (const [name, port] of Object.entries({ api: config.api.port, endpoint: config.endpoint.port })) {
    if (!Number.isInteger(port) || port < 0 || port > 65_535) fail(file, `${name}.port`, 'must be a port');
  }
  checkExternalService(config.artifacts, 'artifacts', (path, problem) => fail(file, path, problem));
  const { profile, ...carried } = config.endpointLimits;
  if (!['none', 'aws'].includes(profile)) fail(file, 'endpointLimits.profile', "must be 'none' or 'aws'");
  for (const [name, number] of Object.entries(carried)) {
    if (!(number >= 0)) fail(file, `endpointLimits.${name}`, 'must not be negative');
  }
  checkLogSettings(config.logs, (path, problem) => fail(file, path, problem));
  checkExternalService(config.s3, 's3', (path, problem) => fail(file, path, problem));
  const { rates, ...limits } = config.quotas;
  for (const [name, limit] of Object.entries(limits)) {
    if (!Number.isInteger(limit) || limit < 0) fail(file, `quotas.${name}`, 'must be a whole number');
  }
  if (limits.buildsAtOnce < 1) fail(file, 'quotas.buildsAtOnce', 'must be at least 1');
  for (const [name, rate] of Object.entries(rates)) {
    if (rate && (rate.perSecond <= 0 || rate.burst < 1)) {
      fail(file, `quotas.rates.${name}`, 'must have perSecond above 0 and burst of at least 1, or be null');
    }
  }
  for (const [name, limit] of Object.entries(config.limits)) {
    if (!(limit >= 0)) fail(file, `limits.${name}`, 'must not be negative');
  }
  if (config.limits.threads < 32) fail(file, 'limits.threads', 'must be at least 32, or QEMU does not start');
  if (!(config.builds.cacheGiB >= 0)) fail(file, 'builds.cacheGiB', 'must not be negative');
  for (const name of ['perVersion', 'total'] as const) {
    const number = config.standby[name];
    if (!Number.isInteger(number) || number < 0) fail(file, `standby.${name}`, 'must be a whole number');
  }
  for (const [name, number] of Object.entries(config.activity)) {
    if (!(number >= 0)) fail(file, `activity.${name}`, 'must not be negative');
  }
  if (!(config.standby.idleMinutes > 0)) fail(file, 'standby.idleMinutes', 'must be more than 0');
  if (!(config.builds.timeoutMinutes > 0)) fail(file, 'builds.timeoutMinutes', 'must be more than 0');
  for (const [host, { username, passwordFile, ecrEndpoint = '' }] of Object.entries(config.registries)) {
    if (ecrEndpoint !== '') {
      if (!URL.canParse(ecrEndpoint)) fail(file, `registries.${host}.ecrEndpoint`, 'must be a URL');
      continue;
    }
    if (username === '') fail(file, `registries.${host}.username`, 'is missing');
    if (!passwordFile.startsWith('/'))
      fail(file, `registries.${host}.passwordFile`, 'must be an absolute path');
  }
  // A UNIX socket's path has at most 107 bytes; the longest of ours adds 67 to the data directory.
  if (Buffer.byteLength(config.dataDir) > 40) fail(file, 'dataDir', 'must not be longer than 40 bytes');
  if (!config.dataDir.startsWith('/')) fail(file, 'dataDir', 'must be an absolute path');
  const { tokenFile } = config.metrics;
  if (tokenFile !== '' && !tokenFile.startsWith('/'))
    fail(file, 'metrics.tokenFile', 'must be an absolute path');
  if (!config.cacheDir.startsWith('/')) fail(file, 'cacheDir', 'must be an absolute path');
}

/** Only what `readConfig` takes from the environment: `SQUIB_CONFIG`, `SQUIB_DATA_DIR`, `SQUIB_CACHE_DIR`. */
export type ConfigEnvironment = Partial<
  Record<'SQUIB_CONFIG' | 'SQUIB_DATA_DIR' | 'SQUIB_CACHE_DIR', string>
>;

/**
 * Reads the configuration: defaults, then the file, then the environment, each laid over the one before.
 * @param file a file that must exist; without it `SQUIB_CONFIG` or {@link defaultConfigFile}.
 * @throws SquibError naming the setting that is wrong.
 */
export function readConfig(file?: string, env: ConfigEnvironment = process.env): Config {
  const named = file ?? env.SQUIB_CONFIG;
  const path = named ?? defaultConfigFile;
  let config = defaults;
  let text: string | undefined;
  try {
    text = readFileSync(path, 'utf8');
  } catch (error) {
    if (named !== undefined || (error as NodeJS.ErrnoException).code !== 'ENOENT') {
      throw new SquibError(`The configuration file ${path} cannot be read.`, 'Check its path and mode.', {
        cause: error,
      });
    }
  }
  if (text !== undefined) {
    let given: Json;
    try {
      given = JSON.parse(text) as Json;
    } catch (error) {
      throw new SquibError(`The configuration file ${path} is not JSON.`, 'Correct it.', { cause: error });
    }
    config = merge(config, given, path, '');
  }
  config = {
    ...config,
    dataDir: env.SQUIB_DATA_DIR ?? config.dataDir,
    cacheDir: env.SQUIB_CACHE_DIR ?? config.cacheDir,
  };
  checkValues(config, path);
  return config;
}
