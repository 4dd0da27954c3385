import type { Arg } from 'dockerfile-ast';

/** Name of this host's architecture as Dockerfiles know it. */
export const targetArchitecture = process.arch === 'x64' ? 'amd64' : process.arch;

/** What may stand in `FROM`: the platform's arguments and those that are declared before the first `FROM`. */
export function defaultArguments(declared: Arg[]): Map<string, string> {
  const platform = `linux/${targetArchitecture}`;
  const values = new Map<string, string>();
  for (const side of ['TARGET', 'BUILD']) {
    values.set(`${side}PLATFORM`, platform).set(`${side}OS`, 'linux').set(`${side}ARCH`, targetArchitecture);
    values.set(`${side}VARIANT`, '');
  }
  for (const argument of declared) {
    const property = argument.getProperty();
    const value = property?.getValue();
    if (property && value !== null && value !== undefined) {
      values.set(property.getName(), expandVariables(value, values));
    }
  }
  return values;
}

/** `$NAME`, `${NAME}`, `${NAME:-word}` and `${NAME:+word}`; what is not known is empty, as in BuildKit. */
export function expandVariables(text: string, values: ReadonlyMap<string, string>): string {
  return text.replace(
    /\$(?:(\w+)|\{(\w+)(?::([-+])([^}]*))?\})/g,
    (_all, plain?: string, braced?: string, operator?: string, word?: string) => {
      const value = values.get(plain ?? braced ?? '') ?? '';
      if (operator === '-') return value === '' ? expandVariables(word ?? '', values) : value;
      if (operator === '+') return value === '' ? '' : expandVariables(word ?? '', values);
      return value;
    },
  );
}
