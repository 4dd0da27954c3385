import type { BuildPlan } from './dockerfile.ts';

/** A runaway step may not fill the host's disk with its output. */
const maxLogBytes = 16 * 2 ** 20;
const maxLineBytes = 16 * 2 ** 10;

/** Lines of buildah and its store that say nothing to the author of a Dockerfile. */
const noise =
  /^(Getting image source signatures|Copying (blob|config) |Writing manifest|--> [0-9a-f]|[0-9a-f]{64}$|Successfully tagged|subprocess exited with status|time="[^"]*" level=(debug|info|warning))/;

/**
 * Turns buildah's output into BuildKit's plain progress (spec: image-build 7): `#5 [1/7] FROM …`, `#6 0.070 output`,
 * and on failure the error with the place in the Dockerfile.
 */
export class BuildLog {
  readonly #plan: BuildPlan;
  readonly #write: (line: string) => void;
  #vertex = 0;
  #vertexStart = 0;
  #open = false;
  #written = 0;
  #rest = '';
  #exitCode: number | undefined;
  #step: { stage: number; index: number; text: string } | undefined;
  /** Something failed to write while the build's disk was full. */
  storeWasFull = false;
  /** Something said that a disk was full; RUN steps may say so, too. */
  saidFull = false;
  /** mke2fs found the image bigger than the root filesystem. */
  blocksRanOut = false;

  constructor(plan: BuildPlan, write: (line: string) => void) {
    this.#plan = plan;
    this.#write = write;
  }

  /** Begins a numbered part of the log; the one before is done. */
  begin(title: string): void {
    this.done();
    this.#vertex++;
    this.#vertexStart = performance.now();
    this.#open = true;
    this.#say(`#${this.#vertex} ${title}`);
  }

  done(): void {
    if (this.#open) this.#say(`#${this.#vertex} DONE ${this.#seconds(1)}s`);
    this.#open = false;
  }

  /** Output of the builder, in any pieces. */
  push(chunk: Buffer, isDiskFull: () => boolean): void {
    const lines = (this.#rest + chunk.toString('utf8')).split(/\r?\n/);
    this.#rest = lines.pop()!.slice(0, maxLineBytes);
    for (const line of lines) {
      // RUN steps print what they like, so the disk itself is asked too; buildah cleans up right after a failure.
      if (/no space left on device/i.test(line)) {
        this.saidFull = true;
        this.storeWasFull ||= isDiskFull();
      }
      this.#line(line.slice(line.lastIndexOf('\r') + 1, line.lastIndexOf('\r') + maxLineBytes)); // a progress bar's end
    }
  }

  /** Ends the log of a build that failed. */
  failed(): void {
    if (this.#rest) this.#line(this.#rest);
    this.#rest = '';
    const step = this.#step;
    const reason = step?.text.startsWith('RUN ')
      ? `process "/bin/sh -c ${step.text.slice(4)}" did not complete successfully: exit code: ${this.#exitCode ?? 1}`
      : `failed to build${step ? `: ${step.text}` : ''}`;
    if (this.#open) this.#say(`#${this.#vertex} ERROR: ${reason}`);
    this.#open = false;
    for (const line of this.#extract()) this.#say(line);
    this.#say(`ERROR: failed to solve: ${reason}`);
  }

  /** One more line of output of the current part. */
  note(text: string): void {
    this.#say(`#${this.#vertex} ${this.#seconds(3)} ${text}`);
  }

  #line(line: string): void {
    const step = /^(?:\[(\d+)\/\d+\] )?STEP (\d+)\/(\d+): (.*)$/.exec(line);
    if (step) {
      this.#step = { stage: Number(step[1] ?? 1), index: Number(step[2]), text: step[4]! };
      const stage = Number(step[1] ?? 1) - 1;
      const name = step[1] ? `${this.#plan.stages[stage]?.name ?? `stage-${stage}`} ` : '';
      this.begin(`[${name}${step[2]}/${step[3]}] ${step[4]}`);
      return;
    }
    if (line.includes('Could not allocate block')) this.blocksRanOut = true;
    const status = /(?:exit status|exited with status) (\d+)/.exec(line)?.[1];
    if (status !== undefined && this.#exitCode === undefined) this.#exitCode = Number(status);
    if (line.startsWith('--> Using cache')) this.#say(`#${this.#vertex} CACHED`);
    else if (/^(\[\d+\/\d+\] )?COMMIT/.test(line)) this.begin('exporting to image');
    else if (line !== '' && !noise.test(line)) this.note(line);
  }

  /** The lines of the Dockerfile around the step, as BuildKit shows them. */
  #extract(): string[] {
    const step = this.#step;
    const place = step && this.#plan.stages[step.stage - 1]?.instructions[step.index - 1];
    if (!place || !step.text.toUpperCase().startsWith(place.keyword)) return [];
    const lines = this.#plan.source.split(/\r?\n/);
    const first = Math.max(1, place.firstLine - 2);
    const last = Math.min(lines.length, place.lastLine + 2);
    const extract = ['------', `Dockerfile:${place.firstLine}`, '--------------------'];
    for (let number = first; number <= last; number++) {
      const mark = number >= place.firstLine && number <= place.lastLine ? '>>>' : '   ';
      extract.push(`${String(number).padStart(4)} | ${mark} ${lines[number - 1] ?? ''}`.trimEnd());
    }
    return [...extract, '--------------------'];
  }

  #seconds(digits: number): string {
    return ((performance.now() - this.#vertexStart) / 1000).toFixed(digits);
  }

  #say(line: string): void {
    if (this.#written > maxLogBytes) return;
    this.#written += line.length + 1;
    this.#write(this.#written > maxLogBytes ? '[output clipped, log limit 16MiB reached]' : line);
  }
}
