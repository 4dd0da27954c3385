import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';

/**
 * A shell that stays in a network namespace and runs one program after another there. To start a program costs a process
 * in proportion to its memory, because all page tables are copied; this shell has hardly any, the daemon has much.
 */
export class NamespaceShell {
  readonly #path: string;
  #shell: ChildProcessWithoutNullStreams | undefined;
  #last: Promise<unknown> = Promise.resolve();

  /** @param path of the namespace, as in /run/netns; must exist by the first {@link run} */
  constructor(path: string) {
    this.#path = path;
  }

  /** Runs a program to its end, after those before it. @returns what it printed @throws Error with what it said when it fails */
  run(program: string, args: readonly string[], input = ''): Promise<string> {
    const ran = this.#last.then(() => this.#run(program, args, input));
    this.#last = ran.catch(() => {});
    return ran;
  }

  /** Ends the shell, once what was asked for is done. */
  async close(): Promise<void> {
    await this.#last;
    const shell = this.#shell;
    if (!shell) return;
    const ended = new Promise((resolve) => shell.once('close', resolve));
    shell.stdin.end();
    await ended;
  }

  #run(program: string, args: readonly string[], input: string): Promise<string> {
    this.#shell ??= this.#start();
    const shell = this.#shell;
    const mark = randomUUID(); // nothing that a program says or is told contains it
    const said = { stdout: '', stderr: '' };
    return new Promise((resolve, reject) => {
      const done = () => {
        for (const name of ['stdout', 'stderr'] as const) shell[name].removeAllListeners('data');
        shell.off('close', ended);
      };
      const ended = () => {
        done();
        reject(new Error(`the shell in ${this.#path} ended: ${said.stderr.trim()}`));
      };
      const look = () => {
        if (!said.stdout.endsWith(`${mark}\n`) || !said.stderr.endsWith(`${mark}\n`)) return;
        done();
        const [printed = '', code] = said.stdout.slice(0, -mark.length - 2).split(/\n(?=\d+$)/);
        const complaint = said.stderr.slice(0, -mark.length - 1).trim();
        if (code === '0') resolve(printed);
        else reject(new Error(`${program} ${args.join(' ')} failed: ${complaint}`));
      };
      for (const name of ['stdout', 'stderr'] as const)
        shell[name].on('data', (text: string) => {
          said[name] += text;
          look();
        });
      shell.once('close', ended);
      shell.stdin.write(
        `${[program, ...args].map(quoted).join(' ')} <<'${mark}'\n${input}\n${mark}\n` +
          `printf '\\n%d\\n${mark}\\n' $?; echo ${mark} >&2\n`,
      );
    });
  }

  #start(): ChildProcessWithoutNullStreams {
    const shell = spawn('nsenter', [`--net=${this.#path}`, '/bin/sh']);
    shell.stdout.setEncoding('utf8');
    shell.stderr.setEncoding('utf8');
    shell.stdin.on('error', () => {}); // it ended, which is told by 'close'
    shell.on('error', () => {}); // likewise
    shell.on('close', () => {
      if (this.#shell === shell) this.#shell = undefined;
    });
    return shell;
  }
}

const quoted = (word: string) => `'${word.replaceAll("'", `'\\''`)}'`;
