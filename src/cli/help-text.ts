import type { Command, Option } from './command.ts';

/** `-f, --follow` or `--since TIME` */
export function optionName(name: string, { short, type, value }: Option): string {
  const long = type === 'string' ? `--${name} ${value ?? 'TEXT'}` : `--${name}`;
  return short === undefined ? long : `-${short}, ${long}`;
}

/** Columns that help takes; a terminal has as many. */
const width = 100;

/** A text in lines of at most `room` columns. */
function wrap(text: string, room: number): string[] {
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(/\s+/)) {
    if (line !== '' && line.length + 1 + word.length > room) {
      lines.push(line);
      line = word;
    } else line = line === '' ? word : `${line} ${word}`;
  }
  return [...lines, line];
}

/** Paragraphs, wrapped anew; those that begin with two spaces stay as they are. */
export function paragraphs(text: string): string {
  return text
    .split('\n\n')
    .map((paragraph) => (paragraph.startsWith('  ') ? paragraph : wrap(paragraph, width).join('\n')))
    .join('\n\n');
}

/** All that `squib help NAME` says. */
export function helpText(
  name: string,
  { summary, synopsis, description, options, examples }: Command,
): string {
  const names = Object.entries(options).map(([option, about]) => optionName(option, about));
  const column = Math.max(0, ...names.map(({ length }) => length)) + 4;
  const rows = Object.values(options).map(({ help }, at) => {
    const lines = wrap(help, width - column).join(`\n${' '.repeat(column)}`);
    return `${`  ${names[at]}`.padEnd(column)}${lines}`;
  });
  return [
    `squib ${name}: ${summary}`,
    `Usage:\n${synopsis.map((line) => `  squib ${line}`).join('\n')}`,
    paragraphs(description),
    ...(rows.length > 0 ? [`Options:\n${rows.join('\n')}`] : []),
    `Examples:\n${examples.map((line) => `  ${line}`).join('\n')}`,
  ].join('\n\n');
}

/** What the exit codes mean, for every command that does not say otherwise. */
export const exitCodes = [
  ['0', 'it is done'],
  ['1', 'it could not be done; standard error says why and what to do'],
  ['2', 'the command line makes no sense'],
] as const;
