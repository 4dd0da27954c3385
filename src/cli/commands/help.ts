import type { Command } from '../command.ts';

export const help: Command = {
  summary: 'what squib can do, or how one command is used',
  usage: 'squib help [COMMAND]',
  async run([name]) {
    const { commands } = await import('../commands.ts');
    const one = name === undefined ? undefined : commands[name];
    if (one) {
      console.log(`squib ${name}: ${one.summary}\n\n${one.usage}`);
      return;
    }
    console.log('squib: AWS Lambda MicroVMs that you run yourself\n\nUsage: squib COMMAND [OPTIONS]\n');
    const width = Math.max(...Object.keys(commands).map((command) => command.length)) + 2;
    for (const [command, { summary }] of Object.entries(commands)) {
      console.log(`  ${command.padEnd(width)}${summary}`);
    }
    console.log("\n'squib help COMMAND' shows how a command is used.");
  },
};
