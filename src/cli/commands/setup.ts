import { parseArgs } from 'node:util';
import { readConfig } from '../../config/config.ts';
import { setUp } from '../../setup/set-up.ts';
import type { Command } from '../command.ts';

export const setup: Command = {
  summary: 'install and build what squib needs on this machine',
  usage: `squib setup [--config FILE]

Installs missing system packages (saying which and why), then fills the cache directory: the runtime tree with QEMU
and the image builder, the guest kernel, guest agent and jailer. What is there already is left alone. Needs root.`,
  async run(args) {
    const { values } = parseArgs({ args, options: { config: { type: 'string' } } });
    await setUp(readConfig(values.config), { tests: false }, (line) => console.log(`squib: ${line}`));
    console.log('squib: everything is there');
  },
};
