import type { Completion } from '../command.ts';
import type { Described } from './script.ts';

/** fish 3 and newer. */
export function fish(all: readonly Described[]): string {
  const names = all.map(({ name }) => name);
  const first = 'test (count (commandline -opc)) -eq 1';
  const lines = all.flatMap(({ name, command, complete }) => {
    const here = `__squib_command ${name}`;
    const options = Object.entries(command.options).map(([option, { type, short, help, complete: how }]) =>
      [
        `complete -c squib -n ${quoted(here)} -l ${option}`,
        ...(short === undefined ? [] : [`-s ${short}`]),
        ...(type === 'string' ? [`-r ${offer(how, names)}`.trim()] : []),
        `-d ${quoted(help)}`,
      ].join(' '),
    );
    const places = complete.map((how, at) => {
      const place = at === complete.length - 1 ? `-ge ${at + 2}` : `-eq ${at + 2}`;
      const condition = `${here}; and test (count (commandline -opc)) ${place}`;
      return `complete -c squib -n ${quoted(condition)} ${offer(how, names)}`;
    });
    return [
      `complete -c squib -n ${quoted(first)} -a ${name} -d ${quoted(command.summary)}`,
      `complete -c squib -n ${quoted(here)} -l help -d 'show how it is used'`,
      ...options,
      ...places,
    ];
  });
  return `# Completion of squib for fish.
function __squib_command
  set -l words (commandline -opc)
  test (count $words) -ge 2; and test "$words[2]" = "$argv[1]"
end
complete -c squib -f
${lines.join('\n')}
`;
}

function offer(how: Completion | undefined, names: readonly string[]): string {
  if (how === undefined) return '';
  if (how === 'file') return '-F';
  if (how === 'microvm' || how === 'image') return `-a '(squib completion values ${how} 2>/dev/null)'`;
  return `-a '${(how === 'command' ? names : how).join(' ')}'`;
}

const quoted = (text: string) => `'${text.replaceAll('\\', '\\\\').replaceAll("'", "\\'")}'`;
