import type { CommandOrder } from '../../control/host.ts';
import { SquibError } from '../../errors/squib-error.ts';
import type { Connection } from '../api/connection.ts';
import { startExec } from './exec-client.ts';
import { enterRawMode, forwardSignals, terminalSize } from './terminal.ts';

/** Exit code when it was squib that failed, as with docker and env. */
const squibFailed = 125;

export interface RunOptions {
  order: CommandOrder;
  /** On a terminal in the MicroVM. */
  terminal: boolean;
  /** Whether the command gets what comes on standard input. */
  input: boolean;
}

/** Runs a command in a MicroVM on this terminal, and ends with the command's exit code. */
export async function runCommand(
  connection: Connection,
  microvmId: string,
  { order, terminal, input }: RunOptions,
): Promise<never> {
  const { stdin, stdout, stderr } = process;
  const streams = { stdin: input ? stdin : undefined, stdout, stderr };
  const env = { ...(terminal && { TERM: process.env.TERM ?? 'xterm' }), ...order.environment };
  const whole = { ...order, environment: env, ...(terminal && { terminal: terminalSize() }) };
  try {
    const command = await startExec(connection, microvmId, whole, streams);
    const restore = terminal && stdin.isTTY ? enterRawMode(command) : forwardSignals(command);
    const code = await command.exited.finally(restore);
    await Promise.all([flushed(stdout), flushed(stderr)]);
    process.exit(code);
  } catch (error) {
    throw error instanceof SquibError ? new CommandFailed(error) : error;
  }
}

class CommandFailed extends SquibError {
  override readonly exitCode = squibFailed;
  constructor(cause: SquibError) {
    super(cause.message, cause.remedy, { cause });
  }
}

function flushed(stream: NodeJS.WriteStream): Promise<void> {
  return new Promise((resolve) => stream.write('', () => resolve()));
}
