import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { fileURLToPath } from 'node:url';
import { cliEnvironment, type Keys } from '../../support/aws-cli.ts';
import type { TestSquib } from '../../support/squib.ts';

const bin = fileURLToPath(new URL('../../../bin/', import.meta.url));

/** A user's environment, who talks to a squib as to a remote one, with `squib` on the PATH. */
export function userEnvironment(squib: TestSquib, keys?: Keys): NodeJS.ProcessEnv {
  const env = cliEnvironment(squib, keys);
  return { ...env, PATH: `${bin}:${env.PATH}` };
}

/** `squib …` without a terminal. */
export async function run(
  args: string[],
  env: NodeJS.ProcessEnv,
  input: string | Buffer = '',
): Promise<{ stdout: string; stderr: string; code: number | null }> {
  const child = spawn(`${bin}squib`, args, { env, stdio: 'pipe' });
  child.stdin.on('error', () => {}); // it may not want to read it
  child.stdin.end(input);
  const ended = once(child, 'exit');
  const [stdout, stderr, [code]] = await Promise.all([text(child.stdout), text(child.stderr), ended]);
  return { stdout, stderr, code };
}
