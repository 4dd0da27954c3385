// What a reader of a page does: every `sh` block in one shell, one after the other.
import { chmodSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { runProgram } from '../support/aws-cli.ts';
import type { TestSquib } from '../support/squib.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A command block of a page, and what the page says that it prints (the `text` block after it). */
interface Step {
  commands: string;
  /** Lines in order; `…` stands for anything. */
  prints: string[];
}

/** The steps of a page: its `sh` blocks, each with the `text` block that directly follows, if one does. */
export function stepsOf(page: string): Step[] {
  const blocks = [...page.matchAll(/^```(\w+)\n([\s\S]*?)^```$/gm)];
  return blocks.flatMap(([, language, commands = ''], i) => {
    if (language !== 'sh') return [];
    const next = blocks[i + 1];
    return [{ commands, prints: next?.[1] === 'text' ? (next[2] ?? '').trim().split('\n') : [] }];
  });
}

/**
 * Runs the steps of a page as a user of this squib would, in a folder that holds what a clone holds for readers.
 * @throws Error with everything printed when a command fails or a step does not print what the page says.
 */
export async function follow(squib: TestSquib, path: string): Promise<void> {
  const steps = stepsOf(readFileSync(join(root, path), 'utf8'));
  if (steps.length === 0) throw new Error(`${path} has no commands`);
  const folder = clone(squib, path);
  const mark = '=== step';
  const script = steps.map(({ commands }, i) => `printf '\\n${mark} ${i}\\n'\n${commands}`).join('\n');
  writeFileSync(join(folder, 'page.sh'), `set -euo pipefail\nexec 2>&1\n${script}`);
  const { stdout, code } = await runProgram(squib, 'bash', ['page.sh'], {
    cwd: folder,
    env: { SQUIB_CONFIG: join(squib.config.dataDir, 'config.json') },
    path: [join(folder, 'bin')],
  });
  if (code !== 0) throw new Error(`${path}: a command failed (${code})\n${stdout}`);
  const outputs = stdout.split(new RegExp(`^${mark} \\d+\n`, 'm')).slice(1);
  for (const [i, { commands, prints }] of steps.entries()) {
    const expected = prints.map((line) => line.split('…').map(escaped).join('.*')).join('\\n');
    if (!new RegExp(`^${expected}$`, 'm').test(outputs[i] ?? '')) {
      throw new Error(
        `${path} says that\n${commands}prints\n${prints.join('\n')}\nbut it printed\n${outputs[i]}`,
      );
    }
  }
}

/** A folder with the parts of a clone that pages name; `sudo` is there, because root runs the tests. */
function clone(squib: TestSquib, path: string): string {
  const folder = join(squib.config.dataDir, path.replaceAll(/\W/g, '-'));
  mkdirSync(join(folder, 'bin'), { recursive: true });
  for (const name of ['examples', 'node_modules', 'bin/squib'])
    symlinkSync(join(root, name), join(folder, name));
  writeFileSync(join(folder, 'bin/sudo'), '#!/bin/sh\nexec "$@"\n');
  chmodSync(join(folder, 'bin/sudo'), 0o755);
  return folder;
}

const escaped = (text: string) => text.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\$&');
