import { command } from '../command.ts';
import { commandGroups, loadCommand } from '../commands.ts';
import { exitCodes, helpText, paragraphs } from '../help-text.ts';
import { UsageError } from '../usage-error.ts';

export const help = command({
  summary: 'what squib can do, or how one command is used',
  synopsis: ['help [COMMAND]', 'COMMAND --help'],
  description: 'Lists all commands, or shows how one is used, with examples.',
  options: {},
  complete: ['command'],
  examples: ['squib help run'],
  async run({ positionals: [name] }) {
    if (name !== undefined) {
      const one = await loadCommand(name);
      if (!one) throw new UsageError(`There is no command '${name}'.`);
      return console.log(helpText(name, one));
    }
    console.log('squib: AWS Lambda MicroVMs that you run yourself\n\nUsage: squib COMMAND [OPTIONS]');
    for (const [title, group] of Object.entries(commandGroups)) {
      console.log(`\n${title}:`);
      for (const [each, load] of Object.entries(group))
        console.log(`  ${each.padEnd(13)}${(await load()).summary}`);
    }
    const meanings = exitCodes.map(([code, meaning]) => `${code}, ${meaning}`).join('; ');
    console.log(`
${paragraphs(`Which squib is asked: the one of this machine, as root; or the one that AWS_ENDPOINT_URL or a profile names
(--profile, AWS_PROFILE), with its keys. Ids may be shortened to any beginning that only one MicroVM has.

Exit codes: ${meanings}.

'squib help COMMAND' shows how a command is used.`)}`);
  },
});
