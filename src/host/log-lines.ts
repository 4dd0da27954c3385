/** Longest log event in bytes; a longer line is cut into several events, as CloudWatch Logs would refuse it. */
const maxLineBytes = 256 * 1024;

/**
 * Cuts a byte stream into lines without holding more than one of them.
 * @returns `push` for the next piece, `flush` for what stands without a line break at the end.
 */
export function lineSplitter(onLine: (line: string) => void): { push(chunk: Buffer): void; flush(): void } {
  let rest: Buffer[] = [];
  let restBytes = 0;
  const emit = (end: Buffer) => {
    const line = Buffer.concat([...rest, end]);
    rest = [];
    restBytes = 0;
    onLine(line.toString('utf8').replace(/\r$/, ''));
  };
  return {
    push(chunk) {
      let from = 0;
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, from)) {
        emit(chunk.subarray(from, at));
        from = at + 1;
      }
      if (from < chunk.length) {
        rest.push(chunk.subarray(from));
        restBytes += chunk.length - from;
        if (restBytes >= maxLineBytes) emit(Buffer.alloc(0));
      }
    },
    flush() {
      if (restBytes > 0) emit(Buffer.alloc(0));
    },
  };
}
