/** Where something listens: on an address of its own, or on a socket that was there before. */
export type ListenOn = { host: string; port: number } | { fd: number };

/** Descriptors on which a service manager already listens. */
export interface InheritedSockets {
  api: number[];
  endpoint: number[];
}

const firstDescriptor = 3;

/**
 * Sockets of systemd's protocol (sd_listen_fds(3)), told apart by `FileDescriptorName=`. They outlive the daemon: whoever
 * calls while it is restarted waits in them instead of being refused. The variables are removed, being for this process alone.
 */
export function takeInheritedSockets(env: NodeJS.ProcessEnv, pid: number): InheritedSockets {
  const { LISTEN_PID, LISTEN_FDS, LISTEN_FDNAMES = '' } = env;
  for (const name of ['LISTEN_PID', 'LISTEN_FDS', 'LISTEN_FDNAMES']) delete env[name];
  const count = Number(LISTEN_PID) === pid ? Number(LISTEN_FDS) : 0;
  const named = LISTEN_FDNAMES.split(':').map((name, index) => ({ name, fd: firstDescriptor + index }));
  const called = (wanted: string) =>
    named.slice(0, count).flatMap(({ name, fd }) => (name === wanted ? fd : []));
  return { api: called('api'), endpoint: called('endpoint') };
}
