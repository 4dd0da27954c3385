// The real AWS CLI, pointed at a squib of the tests.
import { spawn } from 'node:child_process';
import { text } from 'node:stream/consumers';
import { clientEnvironment } from '../../src/daemon/client-environment.ts';
import { testClients } from '../../src/setup/test-clients.ts';
import type { TestSquib } from './squib.ts';

export interface Keys {
  AccessKeyId: string;
  SecretAccessKey: string;
  SessionToken?: string;
}

/** What `eval "$(squib env)"` sets, and a PATH on which `aws`, `python` and `node` are the tests' own. */
export function cliEnvironment(squib: TestSquib, keys?: Keys): NodeJS.ProcessEnv {
  const { aws } = testClients(squib.config.cacheDir);
  const { NODE_COMPILE_CACHE } = process.env;
  const bin = [
    aws.slice(0, aws.lastIndexOf('/')),
    process.execPath.slice(0, process.execPath.lastIndexOf('/')),
  ];
  return {
    ...clientEnvironment(squib.config, squib.layout),
    ...(keys && {
      AWS_ACCESS_KEY_ID: keys.AccessKeyId,
      AWS_SECRET_ACCESS_KEY: keys.SecretAccessKey,
      ...(keys.SessionToken !== undefined && { AWS_SESSION_TOKEN: keys.SessionToken }),
    }),
    PATH: `${bin.join(':')}:/usr/local/bin:/usr/bin:/bin`,
    HOME: squib.config.dataDir,
    AWS_PAGER: '',
    AWS_MAX_ATTEMPTS: '1',
    LC_ALL: 'C.UTF-8',
    ...(NODE_COMPILE_CACHE !== undefined && { NODE_COMPILE_CACHE }),
    // Python holds back what it writes to a pipe.
    PYTHONUNBUFFERED: '1',
  };
}

export interface Ran {
  stdout: string;
  stderr: string;
  code: number | null;
}

/** Runs a program with the environment of a user of this squib. */
export async function runProgram(
  squib: TestSquib,
  program: string,
  args: string[],
  options: { keys?: Keys; cwd?: string; env?: NodeJS.ProcessEnv; path?: string[] } = {},
): Promise<Ran> {
  const own = cliEnvironment(squib, options.keys);
  const path = [...(options.path ?? []), own.PATH].join(':');
  const child = spawn(program, args, {
    env: { ...own, PATH: path, ...options.env },
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(options.cwd !== undefined && { cwd: options.cwd }),
  });
  const [stdout, stderr, code] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    new Promise<number | null>((resolve) => child.once('exit', resolve)),
  ]);
  return { stdout, stderr, code };
}

/** Runs `aws …`; the answer is parsed where it is JSON. Throws what the CLI wrote to standard error. */
// biome-ignore lint/suspicious/noExplicitAny: answers of every operation there is
export async function aws(squib: TestSquib, args: string[], keys?: Keys): Promise<any> {
  const { stdout, stderr, code } = await runProgram(squib, 'aws', args, keys && { keys });
  if (code !== 0) throw new Error(stderr.trim() || `aws ended with ${code}`);
  try {
    return JSON.parse(stdout);
  } catch {
    return stdout.trim();
  }
}
