import type { Duplex, Readable, Writable } from 'node:stream';

/** What an image version needs to be built. Everything is validated before it gets here. */
export interface BuildOrder {
  /** Identity of the build VM, `microvm-<uuid>`; also the last part of its log stream. */
  microvmId: string;
  imageArn: string;
  imageName: string;
  /** `n.0` */
  imageVersion: string;
  /** `s3://bucket/key` */
  codeArtifactUri: string;
  buildRoleArn: string;
  region: string;
  /** Baseline size in MiB: 512, 1024, 2048, 4096 or 8192. */
  minimumMemoryInMiB: number;
  environmentVariables: Record<string, string>;
  /** True when the request asked for `additionalOsCapabilities: ["ALL"]`. */
  allCapabilities: boolean;
  hooks: HookSettings;
  logging: LogSettings;
  /** For the build VM and for `/validate`. */
  egress: EgressOrder;
}

/** Hooks with every default filled in; a hook that is absent is not called. Timeouts in seconds. */
export interface HookSettings {
  port?: number;
  ready?: { timeoutSeconds: number };
  validate?: { timeoutSeconds: number };
  run?: { timeoutSeconds: number };
  resume?: { timeoutSeconds: number };
  suspend?: { timeoutSeconds: number };
  terminate?: { timeoutSeconds: number };
}

/** Where a MicroVM may go, as its egress connectors were when it was run or built. Nothing of it: nowhere. */
export interface EgressOrder {
  /** `INTERNET_EGRESS`: public addresses. */
  internet: boolean;
  /** VPC connectors; the host's configuration says what their ids mean there. */
  vpcs: { subnetIds: string[]; securityGroupIds: string[] }[];
}

/** Where standard output and error of the container go. */
export type LogSettings = { kind: 'disabled' } | { kind: 'cloudWatch'; logGroup: string; logStream?: string };

/** Sizes as `snapshotBuild` of the API reports them, in bytes, multiples of 4096. */
export interface SnapshotBuild {
  memorySnapshotSizeInBytes?: number;
  codeInstallSizeInBytes?: number;
  diskSnapshotSizeInBytes?: number;
}

/** A build that did not end in a snapshot. `message` is the sentence that AWS shows as the build's `stateReason`. */
export class BuildFailed extends Error {
  override readonly name = 'BuildFailed';
  /** Sizes known when the build failed (only `codeInstallSizeInBytes` after a failed ready hook). */
  readonly snapshotBuild: SnapshotBuild | undefined;
  constructor(message: string, snapshotBuild?: SnapshotBuild) {
    super(message);
    this.snapshotBuild = snapshotBuild;
  }
}

/** What starting a MicroVM needs. */
export interface StartOrder {
  microvmId: string;
  imageArn: string;
  imageName: string;
  imageVersion: string;
  /** Bare host name of the endpoint, sent as `Host` where the specification asks for it. */
  endpoint: string;
  hooks: HookSettings;
  logging: LogSettings;
  egress: EgressOrder;
  executionRoleArn?: string;
  runHookPayload?: string;
  /** Epoch milliseconds. */
  startedAt: number;
  /** Checkpoint to start from, made by {@link Host.fork}, instead of the version's snapshot. */
  forkPoint?: string;
}

/**
 * The MicroVM cannot go on; `message` is its `stateReason`
 * (for example `Run lifecycle hook returned HTTP status 500. …`). The host has already removed the machine.
 */
export class MicrovmFailed extends Error {
  override readonly name = 'MicrovmFailed';
}

/** What a MicroVM has used since it was run. What squib had not saved when it was killed does not count. */
export interface UsageCounters {
  /** Processor time of its process: the guest's and the emulation's, in seconds. */
  cpuSeconds: number;
  /** Bytes that clients sent to it through its endpoint, after TLS and tokens. */
  endpointReceivedBytes: number;
  endpointSentBytes: number;
  /** Bytes of IP packets that crossed its network card. */
  egressReceivedBytes: number;
  egressSentBytes: number;
}

/** What a MicroVM uses of the machine it is on. All memory is 0 while it is suspended. */
export interface MicrovmUsage extends UsageCounters {
  /** As the guest sees it; absent while suspended. */
  vcpus?: number;
  memoryBytes?: number;
  /** Memory of its process in RAM, with what it shares with other MicroVMs of the version. */
  residentBytes: number;
  /** The part that it shares with nobody, in RAM or swapped out. */
  ownBytes: number;
  /** Guest memory that differs from the snapshot: what a suspend would write. Only where asked for. */
  dirtyBytes?: number;
  /** Its own disk and, while suspended, its saved state. */
  diskBytes: number;
}

/** What the machine's processes and files say about a MicroVM. */
export type Presence = 'running' | 'suspended' | 'gone';

/**
 * What `control` asks of the machine that it runs on. `control` decides and records, `host` acts.
 * All methods are safe to call again after a crash: they finish or replace what was half done.
 */
export interface Host {
  /** Builds one image version up to its snapshot. Rejects with {@link BuildFailed}; leaves nothing behind then. */
  build(order: BuildOrder, signal: AbortSignal): Promise<SnapshotBuild>;
  /** Removes everything stored for an image version; not an error when there is nothing. */
  deleteVersion(imageName: string, imageVersion: string): Promise<void>;
  /** Restores the snapshot and calls `/run`. Resolves when traffic may flow. Rejects with {@link MicrovmFailed}. */
  start(order: StartOrder): Promise<void>;
  /** Calls `/suspend`, writes the MicroVM to disk, ends its process. Rejects with {@link MicrovmFailed}. */
  suspend(order: StartOrder): Promise<void>;
  /** Restores a suspended MicroVM and calls `/resume`. Rejects with {@link MicrovmFailed}. */
  resume(order: StartOrder): Promise<void>;
  /** Calls `/terminate` if the MicroVM runs, then removes process and files. Never rejects for a failing hook. */
  terminate(order: StartOrder): Promise<void>;
  /** Keeps a running MicroVM as it is for others to start from; it goes on, also when this fails. */
  fork(order: StartOrder, forkPoint: string): Promise<void>;
  /** Removes what {@link Host.fork} made; not an error when there is nothing. */
  deleteFork(forkPoint: string): Promise<void>;
  /** Finds out what is there, adopting a machine that still runs (after a restart of the daemon). */
  inspect(order: StartOrder): Promise<Presence>;
  /**
   * What a MicroVM uses now; undefined when there is nothing of it.
   * @param o.dirty count dirty memory too; takes milliseconds for every GiB of the guest.
   */
  usage(microvmId: string, o?: { dirty?: boolean }): Promise<MicrovmUsage | undefined>;
  /** Removes machines, builds and files that belong to none of the given ids, versions and checkpoints. */
  sweep(
    microvmIds: ReadonlySet<string>,
    versions: ReadonlySet<`${string}/${string}`>,
    forkPoints: ReadonlySet<string>,
  ): Promise<void>;
  /** Opens a TCP connection to `127.0.0.1:port` inside a running MicroVM. Rejects with {@link PortClosed}. */
  dial(microvmId: string, port: number): Promise<Duplex>;
  /** Opens an interactive shell in the MicroVM's container. */
  openShell(microvmId: string): Promise<ShellSession>;
  /** Starts a command in the container of a running MicroVM. Rejects with {@link CommandRefused}. */
  exec(microvmId: string, order: CommandOrder): Promise<CommandSession>;
  /**
   * A file or folder of a running MicroVM's container as a tar stream, whose first entry has the last part of `path`.
   * Rejects with {@link CommandRefused}; a stream that fails later is destroyed with it.
   */
  readFiles(microvmId: string, path: string): Promise<Readable>;
  /**
   * Puts the entries of a tar stream into the folder `path`; where there is none, the first parts of their paths become
   * `path` itself. They belong to the container's user. Rejects with {@link CommandRefused}.
   */
  writeFiles(microvmId: string, path: string, tar: Readable): Promise<void>;
  /** Called once for every running MicroVM that ended by itself; `reason` becomes the `stateReason`. */
  onExit(listener: (microvmId: string, reason: string) => void): void;
}

/** Nobody listens on that port inside the MicroVM. */
export class PortClosed extends Error {
  override readonly name = 'PortClosed';
}

/** A command for a MicroVM's container; what is absent is as the image has it. */
export interface CommandOrder {
  command: string[];
  environment?: Record<string, string> | undefined;
  /** Absolute. */
  workingDirectory?: string | undefined;
  /** As in a Dockerfile: name or number, maybe `:` and a group. */
  user?: string | undefined;
  /** Size of the pseudo-terminal to run on; without it input, output and errors are pipes. */
  terminal?: { columns: number; rows: number } | undefined;
}

/** A command that runs in a MicroVM's container. */
export interface CommandSession {
  stdin: Writable;
  stdout: Readable;
  /** Absent on a terminal. */
  stderr: Readable | undefined;
  /** Exit code, or 128 + signal, once the output has ended too; undefined when the MicroVM was lost or suspended. */
  exited: Promise<number | undefined>;
  resize(columns: number, rows: number): void;
  /** To the command and what it started in its process group. */
  signal(number: number): void;
  /** Gives the command up: it is killed, on a terminal hung up on. */
  end(): void;
}

/** What was asked for cannot be done in this MicroVM; `message` says why, in a sentence. */
export class CommandRefused extends Error {
  override readonly name = 'CommandRefused';
  readonly kind: 'notFound' | 'invalid' | 'impossible';
  constructor(kind: CommandRefused['kind'], message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** One pseudo-terminal inside a MicroVM. `stream` carries raw bytes both ways. */
export interface ShellSession {
  stream: Duplex;
  resize(columns: number, rows: number): void;
  /** Exit code of the shell process, or 128 + signal. */
  exited: Promise<number>;
}
