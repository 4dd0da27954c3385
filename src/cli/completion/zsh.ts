import type { Completion } from '../command.ts';
import type { Described } from './script.ts';

/** zsh 5 and newer. */
export function zsh(all: readonly Described[]): string {
  const list = all.map(({ name, command }) => `    ${quoted(`${name}:${command.summary}`)}`);
  const names = all.map(({ name }) => name);
  const cases = all.map(({ name, command, complete }) => {
    const options = Object.entries(command.options).map(
      ([option, { type, short, help, value, multiple, complete: how }]) => {
        const several = multiple ? '*' : '';
        const takes = type === 'string' ? `:${value ?? 'text'}:${action(how, names)}` : '';
        const about = `[${help.replaceAll(/[[\]:]/g, (mark) => `\\${mark}`)}]`;
        return [`--${option}`, ...(short === undefined ? [] : [`-${short}`])]
          .map((typed) => quoted(`${several}${typed}${about}${takes}`))
          .join(' ');
      },
    );
    const places = complete.map((how, at) => {
      const which = at === complete.length - 1 ? '*' : String(at + 1);
      return quoted(`${which}:argument:${action(how, names)}`);
    });
    return `    ${name}) _arguments ${[quoted('--help[show how it is used]'), ...options, ...places].join(' ')} ;;`;
  });
  return `#compdef squib
# Completion of squib for zsh.
_squib_values() { local -a found; found=(\${(f)"$(squib completion values $1 2>/dev/null)"}); compadd -a found }
_squib() {
  local -a commands
  commands=(
${list.join('\n')}
  )
  if ((CURRENT == 2)); then _describe command commands; return; fi
  local command=$words[2]
  shift words
  ((CURRENT--))
  case $command in
${cases.join('\n')}
  esac
}
(( $+functions[compdef] )) || { autoload -Uz compinit && compinit }
compdef _squib squib
`;
}

function action(how: Completion | undefined, names: readonly string[]): string {
  if (how === undefined) return ' ';
  if (how === 'file') return '_files';
  if (how === 'microvm' || how === 'image') return `_squib_values ${how}`;
  return `(${(how === 'command' ? names : how).join(' ')})`;
}

const quoted = (text: string) => `'${text.replaceAll("'", "'\\''")}'`;
