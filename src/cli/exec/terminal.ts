import type { RunningCommand } from './exec-client.ts';

/** Size of the terminal that squib was started on. */
export function terminalSize(): { columns: number; rows: number } {
  const { columns, rows } = process.stdout;
  return { columns: columns || 80, rows: rows || 24 };
}

/** Every key goes to the command as it is; sizes follow. @returns what undoes that */
export function enterRawMode(command: RunningCommand): () => void {
  const { stdin, stdout } = process;
  const resize = () => {
    const { columns, rows } = terminalSize();
    command.resize(columns, rows);
  };
  stdin.setRawMode?.(true);
  stdout.on('resize', resize);
  resize(); // it may have changed meanwhile
  return () => {
    stdin.setRawMode?.(false);
    stdout.off('resize', resize);
  };
}

/** Ctrl-C and the like reach the command, not squib. @returns what undoes that */
export function forwardSignals(command: RunningCommand): () => void {
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP', 'SIGQUIT'] as const;
  const handlers = names.map((name) => [name, () => command.signal(name)] as const);
  for (const [name, handler] of handlers) process.on(name, handler);
  return () => {
    for (const [name, handler] of handlers) process.off(name, handler);
  };
}
