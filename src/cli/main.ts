import { reportAndExit } from '../errors/report.ts';
import { commands } from './commands.ts';

const [name = 'help', ...args] = process.argv.slice(2);
const command = commands[name === '--help' || name === '-h' ? 'help' : name];
if (!command) {
  console.error(`squib: there is no command '${name}'. 'squib help' lists them.`);
  process.exit(2);
}
await command.run(args).catch(reportAndExit);
