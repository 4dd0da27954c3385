import { reportAndExit } from '../errors/report.ts';
import { loadCommand } from './commands.ts';
import { nearest } from './nearest.ts';

// A reader that has seen enough (`squib ps | head -1`) is no error.
for (const stream of [process.stdout, process.stderr]) {
  stream.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
}

const [given = 'help', ...args] = process.argv.slice(2);
const asksForHelp = given === '--help' || given === '-h';
const command = await loadCommand(asksForHelp ? 'help' : given);
if (!command) {
  const close = nearest(given);
  const hint = close === undefined ? '' : ` Did you mean '${close}'?`;
  console.error(`squib: there is no command '${given}'.${hint} 'squib help' lists them.`);
  process.exit(2);
}
const end = args.indexOf('--');
const own = command.passThrough === undefined ? args.slice(0, end < 0 ? args.length : end) : args.slice(0, 1);
if (own.includes('--help') || own.includes('-h')) {
  const help = await loadCommand('help');
  await help!.run([given]).catch(reportAndExit);
} else {
  await command.run(args).catch(reportAndExit);
}
