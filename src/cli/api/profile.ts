import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { SquibError } from '../../errors/squib-error.ts';

type Environment = Readonly<Record<string, string | undefined>>;
type Section = Readonly<Record<string, string>>;

/**
 * A profile as AWS's tools keep it: `~/.aws/config` and, for keys, `~/.aws/credentials`, or where AWS_CONFIG_FILE and
 * AWS_SHARED_CREDENTIALS_FILE say.
 * @throws SquibError when neither file has it
 */
export function readProfile(name: string, env: Environment): Section {
  const file = (variable: string, standard: string) => env[variable] ?? join(homedir(), '.aws', standard);
  const config = sections(file('AWS_CONFIG_FILE', 'config'));
  const credentials = sections(file('AWS_SHARED_CREDENTIALS_FILE', 'credentials'));
  const settings = config.get(name === 'default' ? 'default' : `profile ${name}`);
  const keys = credentials.get(name);
  if (settings === undefined && keys === undefined) {
    throw new SquibError(
      `There is no profile '${name}' in ~/.aws/config.`,
      `Make it: aws configure --profile ${name}; then aws configure set endpoint_url URL --profile ${name}`,
    );
  }
  return { ...settings, ...keys };
}

function sections(file: string): Map<string, Record<string, string>> {
  const found = new Map<string, Record<string, string>>();
  let current: Record<string, string> = {};
  for (const line of read(file).split('\n')) {
    const title = /^\[\s*(.+?)\s*\]/.exec(line)?.[1];
    const [, key, value] = /^(\w+)\s*=\s*(.*?)\s*$/.exec(line) ?? [];
    if (title !== undefined) {
      current = found.get(title) ?? {};
      found.set(title, current);
    } else if (key !== undefined && value !== undefined) current[key] = value;
  }
  return found;
}

function read(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw new SquibError(`${file} cannot be read.`, 'Check its mode.', { cause: error });
  }
}
