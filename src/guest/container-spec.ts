/** What the container is started from. `cwd` is absolute; `groups` are supplementary. */
export interface ContainerSpec {
  argv: string[];
  env: Record<string, string>;
  cwd: string;
  uid: number;
  gid: number;
  groups: number[];
  hostname: string;
  allCapabilities: boolean;
}

const field = {
  argument: 1,
  environment: 2,
  directory: 3,
  uid: 4,
  gid: 5,
  group: 6,
  hostname: 7,
  allCapabilities: 8,
} as const;

function encodeField(kind: number, value: string | number): Buffer {
  if (typeof value === 'string' && value.includes('\0')) {
    throw new RangeError('Arguments, variables and paths of a container cannot hold a zero byte.');
  }
  const bytes = typeof value === 'string' ? Buffer.from(value) : Buffer.alloc(4);
  if (typeof value === 'number') bytes.writeUInt32LE(value);
  const head = Buffer.alloc(5);
  head[0] = kind;
  head.writeUInt32LE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** A command for the container; what is absent is as the container has it. */
export interface CommandSpec {
  argv: string[];
  /** Sets variables, or replaces those of the container. */
  env?: Record<string, string> | undefined;
  cwd?: string | undefined;
  user?: { uid: number; gid: number; groups: number[] } | undefined;
}

/** A command as the agent reads it. @throws RangeError for a zero byte */
export function encodeCommand({ argv, env = {}, cwd, user }: CommandSpec): Buffer {
  return Buffer.concat([
    encodeArguments(argv),
    ...Object.entries(env).map(([name, value]) => encodeField(field.environment, `${name}=${value}`)),
    ...(cwd === undefined ? [] : [encodeField(field.directory, cwd)]),
    ...(user === undefined ? [] : [encodeField(field.uid, user.uid), encodeField(field.gid, user.gid)]),
    ...(user?.groups ?? []).map((group) => encodeField(field.group, group)),
  ]);
}

/** A command line as the agent reads it. */
export function encodeArguments(argv: string[]): Buffer {
  return Buffer.concat(argv.map((argument) => encodeField(field.argument, argument)));
}

/** A specification as the agent reads it: fields of {kind, length, bytes}. @throws RangeError for a zero byte */
export function encodeContainerSpec(spec: ContainerSpec): Buffer {
  return Buffer.concat([
    encodeArguments(spec.argv),
    ...Object.entries(spec.env).map(([name, value]) => encodeField(field.environment, `${name}=${value}`)),
    encodeField(field.directory, spec.cwd),
    encodeField(field.uid, spec.uid),
    encodeField(field.gid, spec.gid),
    ...spec.groups.map((group) => encodeField(field.group, group)),
    encodeField(field.hostname, spec.hostname),
    encodeField(field.allCapabilities, spec.allCapabilities ? 1 : 0),
  ]);
}
