import { readConfig } from '../../config/config.ts';
import { command } from '../command.ts';

export const setup = command({
  summary: 'install and build what squib needs on this machine',
  synopsis: ['setup [--config FILE]'],
  description: `Installs missing system packages (saying which and why), then fills the cache directory: the runtime tree with QEMU
and the image builder, the guest kernel, guest agent and jailer. What is there already is left alone. Needs root.`,
  options: { config: { type: 'string', value: 'FILE', complete: 'file', help: 'configuration file' } },
  examples: ['sudo squib setup'],
  async run({ values }) {
    const { setUp } = await import('../../setup/set-up.ts');
    await setUp(readConfig(values.config), { tests: false }, (line) => console.log(`squib: ${line}`));
    console.log('squib: everything is there');
  },
});
