import { appendFileSync } from 'node:fs';
import type { LogListener } from './log-store.ts';

/**
 * Appends every log event to a file as one line of JSON: `time`, `logGroup`, `logStream`, `message`. The file is opened
 * for each event, so that it may be moved away at any time.
 * @param failed is told once when the file cannot be written, and again after it could
 */
export function jsonLines(file: string, failed: (error: unknown) => void): LogListener {
  let broken = false;
  return (logGroup, logStream, { timestamp, message }) => {
    const line = JSON.stringify({ time: new Date(timestamp).toISOString(), logGroup, logStream, message });
    try {
      appendFileSync(file, `${line}\n`, { mode: 0o600 });
      broken = false;
    } catch (error) {
      if (!broken) failed(error);
      broken = true;
    }
  };
}
