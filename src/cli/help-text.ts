import type { Command, Option } from './command.ts';

/** `-f, --follow` or `--since TIME` */
export function optionName(name: string, { short, type, value }: Option): string {
  const long = type === 'string' ? `--${name} ${value ?? 'TEXT'}` : `--${name}`;
  return short === undefined ? long : `-${short}, ${long}`;
}

/** All that `squib help NAME` says. */
export function helpText(
  name: string,
  { summary, synopsis, description, options, examples }: Command,
): string {
  const names = Object.entries(options).map(([option, about]) => optionName(option, about));
  const width = Math.max(0, ...names.map(({ length }) => length)) + 2;
  const rows = Object.values(options).map(({ help }, at) => `  ${names[at]!.padEnd(width)}${help}`);
  return [
    `squib ${name}: ${summary}`,
    `Usage:\n${synopsis.map((line) => `  squib ${line}`).join('\n')}`,
    description,
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
