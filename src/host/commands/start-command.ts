import { setTimeout as sleep } from 'node:timers/promises';
import { type CommandOrder, CommandRefused, type CommandSession } from '../../control/host.ts';
import type { CommandSpec, GuestProcess } from '../../guest/guest-connection.ts';
import type { GuestStream } from '../../guest/guest-stream.ts';
import { resolveUser } from '../builder/container-user.ts';
import type { LiveMicrovm } from '../microvms/live-microvm.ts';
import { readSmallFile } from './copy-files.ts';
import { toRefusal } from './guest-errors.ts';

/** How long the output of a command that has ended may be silent before it counts as ended too. */
const quietMs = 500;
/** The most that is read of the container's lists of users and groups, in bytes. */
const accountsMax = 1024 * 1024;

/** See `Host.exec`. */
export async function startCommand(live: LiveMicrovm, order: CommandOrder): Promise<CommandSession> {
  const process = await start(live, order);
  const { stream, output, resize, signal } = process;
  const outputs = output ? [output.stdout, output.stderr] : [stream];
  // A command that is lost with its MicroVM reports that by its end; a stream has nothing to add.
  for (const each of [stream, ...outputs]) each.on('error', () => {});
  const end = () => {
    for (const each of [stream, ...outputs]) each.destroy();
  };
  const stdout = output?.stdout ?? stream;
  return {
    ...{ stdin: stream, stdout, stderr: output?.stderr, resize, signal, end },
    exited: process.exited.then(async (code) => {
      await outputEnd(outputs);
      end();
      return code;
    }),
  };
}

async function start(live: LiveMicrovm, order: CommandOrder): Promise<GuestProcess> {
  const { command, environment = {}, workingDirectory, user, terminal } = order;
  const who = user === undefined ? undefined : await userOf(live, user);
  const spec: CommandSpec = {
    argv: command,
    env: { ...(terminal && { TERM: 'xterm' }), ...(who && { HOME: who.home }), ...environment },
    ...{ cwd: workingDirectory, user: who },
  };
  try {
    return await live.guest.exec(spec, { terminal, meter: live.endpoint });
  } catch (error) {
    throw toRefusal(error);
  }
}

async function userOf(live: LiveMicrovm, user: string) {
  const read = async (path: string) => {
    try {
      return (await readSmallFile(live, path, accountsMax)).toString();
    } catch (error) {
      if (error instanceof CommandRefused && error.kind === 'notFound') return '';
      throw error;
    }
  };
  const [passwd, group] = await Promise.all([read('/etc/passwd'), read('/etc/group')]);
  try {
    return resolveUser(user, passwd, group);
  } catch (error) {
    throw new CommandRefused('invalid', `${(error as Error).message}.`, { cause: error });
  }
}

/** What a command started in the background may hold its output open for ever: nobody waits for that. */
async function outputEnd(outputs: readonly GuestStream[]): Promise<void> {
  const ended = Promise.all(outputs.map(endOf)).then(() => 'ended' as const);
  const progress = () => outputs.reduce((sum, { received }) => sum + received, 0);
  for (let seen = -1; ; ) {
    // A reader that is slow is no end either.
    const unread = outputs.some(({ readableLength, destroyed }) => readableLength > 0 && !destroyed);
    if (progress() === seen && !unread) return;
    seen = progress();
    if ((await Promise.race([ended, sleep(quietMs, undefined, { ref: false })])) === 'ended') return;
  }
}

function endOf(stream: GuestStream): Promise<void> {
  return new Promise((resolve) => {
    if (stream.readableEnded || stream.destroyed) resolve();
    else stream.once('end', resolve).once('close', resolve);
  });
}
