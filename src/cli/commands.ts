import type { Command } from './command.ts';

type Load = () => Promise<Command>;

/**
 * Every subcommand by its name, in groups, in the order in which help lists them. Each is loaded when it is called, so
 * that none waits for what others need.
 */
export const commandGroups: Readonly<Record<string, Readonly<Record<string, Load>>>> = {
  'This machine': {
    setup: async () => (await import('./commands/setup.ts')).setup,
    doctor: async () => (await import('./commands/doctor.ts')).doctor,
    up: async () => (await import('./commands/up.ts')).up,
    down: async () => (await import('./commands/down.ts')).down,
    status: async () => (await import('./commands/status.ts')).status,
    env: async () => (await import('./commands/env.ts')).env,
    trust: async () => (await import('./commands/trust.ts')).trust,
    credentials: async () => (await import('./commands/credentials.ts')).credentials,
    console: async () => (await import('./commands/console.ts')).console_,
  },
  Images: {
    deploy: async () => (await import('./commands/deploy.ts')).deploy,
    images: async () => (await import('./commands/images.ts')).images,
    builds: async () => (await import('./commands/builds.ts')).builds,
    base: async () => (await import('./commands/base.ts')).base,
    prune: async () => (await import('./commands/prune.ts')).prune,
  },
  MicroVMs: {
    run: async () => (await import('./commands/run.ts')).run,
    ps: async () => (await import('./commands/ps.ts')).ps,
    inspect: async () => (await import('./commands/inspect.ts')).inspect,
    logs: async () => (await import('./commands/logs.ts')).logs,
    events: async () => (await import('./commands/events.ts')).events,
    suspend: async () => (await import('./commands/suspend.ts')).suspend,
    resume: async () => (await import('./commands/resume.ts')).resume,
    activity: async () => (await import('./commands/activity.ts')).activity,
    fork: async () => (await import('./commands/fork.ts')).fork,
    rm: async () => (await import('./commands/rm.ts')).rm,
  },
  'In a MicroVM': {
    shell: async () => (await import('./commands/shell.ts')).shell,
    exec: async () => (await import('./commands/exec.ts')).exec,
    cp: async () => (await import('./commands/cp.ts')).cp,
    connect: async () => (await import('./commands/connect.ts')).connect,
  },
  Other: {
    bench: async () => (await import('./commands/bench.ts')).bench,
    completion: async () => (await import('./commands/completion.ts')).completion,
    help: async () => (await import('./commands/help.ts')).help,
  },
};

const loads: Readonly<Record<string, Load>> = Object.assign({}, ...Object.values(commandGroups));

export const commandNames = Object.keys(loads);

/** Undefined when there is no such command. */
export async function loadCommand(name: string): Promise<Command | undefined> {
  return Object.hasOwn(loads, name) ? loads[name]!() : undefined;
}
