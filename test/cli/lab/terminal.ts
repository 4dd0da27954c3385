import { execFileSync } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';

/** A shell on a terminal of its own, as a person has it: keys go in, the screen can be looked at. */
export class Terminal {
  readonly #server = `squib-test-${randomUUID()}`;

  /** @param env all that the shell gets */
  constructor(env: NodeJS.ProcessEnv) {
    const shell = ['bash', '--norc', '--noprofile', '-i'];
    const size = ['-x', '150', '-y', '50'];
    execFileSync('tmux', ['-L', this.#server, '-f', '/dev/null', 'new-session', '-d', ...size, ...shell], {
      env: { ...env, PS1: 'you> ' },
    });
    this.#tmux('set-option', '-g', 'history-limit', '5000');
  }

  #tmux(...args: string[]): string {
    return execFileSync('tmux', ['-L', this.#server, ...args], { encoding: 'utf8' });
  }

  /** Types a text. */
  type(text: string): void {
    this.#tmux('send-keys', '-l', text);
  }

  /** Presses a key by tmux's name: `Enter`, `C-c`. */
  press(key: string): void {
    this.#tmux('send-keys', key);
  }

  enter(line: string): void {
    this.type(line);
    this.press('Enter');
  }

  resize(columns: number, rows: number): void {
    this.#tmux('resize-window', '-x', String(columns), '-y', String(rows));
  }

  /** What is and was on the screen since the last {@link clear}, without blank lines at the end. */
  screen(): string {
    return this.#tmux('capture-pane', '-p', '-J', '-S', '-2000').trimEnd();
  }

  clear(): void {
    this.#tmux('send-keys', '-R');
    this.#tmux('clear-history');
  }

  /** Waits until the screen shows something. */
  async until(what: RegExp, milliseconds = 240_000): Promise<string> {
    const end = Date.now() + milliseconds;
    for (;;) {
      const screen = this.screen();
      if (what.test(screen)) return screen;
      if (Date.now() > end) throw new Error(`${what} did not come:\n${screen}`);
      await sleep(50);
    }
  }

  /** Waits until the shell wants the next line. */
  prompt(): Promise<string> {
    return this.until(/you>$/);
  }

  /** Enters a line and waits until it has ended; what it wrote, and its exit code in angles. */
  async run(line: string): Promise<string> {
    this.press('Enter');
    await this.prompt();
    this.clear();
    this.enter(`${line}; echo "<$?>"`);
    const screen = await this.until(/<\d+>\nyou>$/);
    return screen.slice(screen.indexOf('\n') + 1, -'\nyou>'.length);
  }

  close(): void {
    this.#tmux('kill-server');
  }
}
