// Folders in the shape of AWS's published patterns: their scripts run as they are, with version 2 of the AWS CLI.
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { awsCliV2 } from '../../src/setup/aws-cli-v2.ts';
import { cliEnvironment, type Ran, runProgram } from '../support/aws-cli.ts';
import type { TestSquib } from '../support/squib.ts';

/** A busy machine under emulation is slow. */
const patienceMs = 180_000;

export const folder = (name: string) => fileURLToPath(new URL(`./${name}/`, import.meta.url));

/** What a user has after `eval "$(squib env)"`, with the CLI of AWS's own installer. */
export function environment(squib: TestSquib, more: NodeJS.ProcessEnv = {}): NodeJS.ProcessEnv {
  const { PATH, ...rest } = cliEnvironment(squib);
  return { ...rest, PATH: `${awsCliV2(squib.config.cacheDir)}:${PATH}`, ...more };
}

/** Runs a script of a pattern, whatever it ends with. */
export const tryScript = (
  squib: TestSquib,
  path: string,
  args: string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<Ran> => runProgram(squib, 'bash', [folder('') + path, ...args], { env: environment(squib, env) });

/** Runs a script of a pattern; throws what it wrote when it fails. */
export async function script(
  squib: TestSquib,
  path: string,
  args: string[] = [],
  env: NodeJS.ProcessEnv = {},
): Promise<string> {
  const { stdout, stderr, code } = await tryScript(squib, path, args, env);
  assert.equal(code, 0, `${path}: ${stdout}${stderr}\n${squib.log.slice(-2000)}`);
  return stdout;
}

/** Ends a wait for a line that never comes. */
const silence = (): Promise<IteratorResult<string>> =>
  sleep(patienceMs, { done: true as const, value: undefined }, { ref: false });

/** A script that goes on: what is typed into it, its lines as they come, its end. */
export function startScript(squib: TestSquib, path: string, args: string[], env: NodeJS.ProcessEnv = {}) {
  const child = spawn('bash', [folder('') + path, ...args], {
    env: environment(squib, env),
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  return {
    type: (text: string) => void child.stdin.write(text),
    /** The first line that fits; throws when the script ends without one. */
    async line(pattern: RegExp): Promise<string> {
      const seen: string[] = [];
      for (;;) {
        const { value, done } = await Promise.race([lines.next(), silence()]);
        if (done) throw new Error(`${path} gave no line like ${pattern}:\n${seen.join('\n')}`);
        if (pattern.test(value)) return value;
        seen.push(value);
      }
    },
    async end(): Promise<number | null> {
      child.stdin.end();
      if (child.exitCode !== null) return child.exitCode;
      return new Promise((resolve) => child.once('exit', resolve));
    },
    kill: () => void child.kill(),
  };
}
