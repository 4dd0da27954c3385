import type { Completion } from '../command.ts';
import { type Described, optionNames } from './script.ts';

/** Bash 4 and newer. */
export function bash(all: readonly Described[]): string {
  const names = all.map(({ name }) => name);
  const cases = all.map(({ name, command, complete }) => {
    const values = Object.entries(command.options)
      .filter(([, { type }]) => type === 'string')
      .map(([option, { complete: how, short }]) => {
        const typed = short === undefined ? `--${option}` : `--${option}|-${short}`;
        return `      ${typed}) ${how === undefined ? ':' : reply(how, names)}; return ;;`;
      });
    const last = complete.at(-1);
    const positions = complete.slice(0, -1).map((how, at) => `      ${at}) ${reply(how, names)} ;;`);
    return `    ${name})
      case $before in
${values.join('\n')}
      esac
      if [[ $word == -* ]]; then COMPREPLY=($(compgen -W '${optionNames(command).join(' ')}' -- "$word")); return; fi
      case $position in
${positions.join('\n')}
      *) ${last === undefined ? ':' : reply(last, names)} ;;
      esac ;;`;
  });
  return `# Completion of squib for bash.
_squib() {
  local word=\${COMP_WORDS[COMP_CWORD]} before=\${COMP_WORDS[COMP_CWORD-1]} command=\${COMP_WORDS[1]} position=0 i
  COMPREPLY=()
  if ((COMP_CWORD == 1)); then COMPREPLY=($(compgen -W '${names.join(' ')}' -- "$word")); return; fi
  for ((i = 2; i < COMP_CWORD; i++)); do [[ \${COMP_WORDS[i]} == -* ]] || ((position++)); done
  case $command in
${cases.join('\n')}
  esac
}
complete -F _squib squib
`;
}

function reply(how: Completion, names: readonly string[]): string {
  if (how === 'file') return 'compopt -o default; COMPREPLY=($(compgen -f -- "$word"))';
  if (how === 'microvm' || how === 'image') {
    return `COMPREPLY=($(compgen -W "$(squib completion values ${how} 2>/dev/null)" -- "$word"))`;
  }
  const words = how === 'command' ? names : how;
  return `COMPREPLY=($(compgen -W '${words.join(' ')}' -- "$word"))`;
}
