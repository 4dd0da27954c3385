import type { Command } from './command.ts';
import { activity } from './commands/activity.ts';
import { base } from './commands/base.ts';
import { connect } from './commands/connect.ts';
import { console_ } from './commands/console.ts';
import { credentials } from './commands/credentials.ts';
import { deploy } from './commands/deploy.ts';
import { doctor } from './commands/doctor.ts';
import { env } from './commands/env.ts';
import { fork } from './commands/fork.ts';
import { help } from './commands/help.ts';
import { prune } from './commands/prune.ts';
import { setup } from './commands/setup.ts';
import { up } from './commands/up.ts';

/** Every subcommand by its name, in the order in which `squib help` lists them. */
export const commands: Record<string, Command> = {
  up,
  env,
  deploy,
  connect,
  fork,
  activity,
  credentials,
  console: console_,
  base,
  prune,
  doctor,
  setup,
  help,
};
