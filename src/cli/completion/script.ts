import type { Command, Completion } from '../command.ts';
import { commandNames, loadCommand } from '../commands.ts';
import { bash } from './bash.ts';
import { fish } from './fish.ts';
import { zsh } from './zsh.ts';

export const shells = ['bash', 'zsh', 'fish'] as const;
export type ShellName = (typeof shells)[number];

/** What the scripts are made of. */
export interface Described {
  name: string;
  command: Command;
  /** What its arguments are completed with, by position; the last one goes on. */
  complete: readonly Completion[];
}

/** A script for a shell's start-up file, made from the table of commands. */
export async function completionScript(shell: ShellName): Promise<string> {
  const all: Described[] = [];
  for (const name of commandNames) {
    const command = (await loadCommand(name))!;
    all.push({ name, command, complete: command.complete ?? [] });
  }
  return { bash, zsh, fish }[shell](all);
}

/** Names of a command's options as they are typed. */
export const optionNames = ({ options }: Command) => [
  '--help',
  ...Object.keys(options).map((name) => `--${name}`),
];
