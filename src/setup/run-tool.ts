import { spawn } from 'node:child_process';
import { SquibError } from '../errors/squib-error.ts';

const KEPT_OUTPUT = 2000;

/**
 * Runs a program of the set-up to its end and returns its standard output.
 * @throws SquibError with the last of its standard error when it cannot be started or fails.
 */
export async function runTool(program: string, args: string[], o: { remedy: string }): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] });
    const output: Buffer[] = [];
    let errors = '';
    child.stdout.on('data', (chunk: Buffer) => output.push(chunk));
    child.stderr.on('data', (chunk: Buffer) => {
      errors = (errors + chunk.toString()).slice(-KEPT_OUTPUT);
    });
    child.once('error', (cause) => {
      reject(new SquibError(`${program} could not be started: ${cause.message}.`, o.remedy, { cause }));
    });
    child.once('close', (code, signal) => {
      if (code === 0) resolve(Buffer.concat(output).toString());
      else reject(new SquibError(`${program} failed (${signal ?? code}): ${errors.trim()}`, o.remedy));
    });
  });
}
