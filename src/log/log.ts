/** A JSON line per event on standard error. Values must never be secrets: log ids, not tokens. */
export interface Log {
  info(event: string, fields?: Record<string, unknown>): void;
  warn(event: string, fields?: Record<string, unknown>): void;
  error(event: string, fields?: Record<string, unknown>): void;
  /** The same log with fields that every line carries. */
  with(fields: Record<string, unknown>): Log;
}

/** Errors become `{name, message, stack}`; everything else is written as JSON has it. */
function plain(value: unknown): unknown {
  if (!(value instanceof Error)) return value;
  return { name: value.name, message: value.message, stack: value.stack, cause: plain(value.cause) };
}

/** @param write receives one complete line without its line break. */
export function createLog(write: (line: string) => void, common: Record<string, unknown> = {}): Log {
  const at =
    (level: string) =>
    (event: string, fields: Record<string, unknown> = {}) => {
      const all: Record<string, unknown> = { time: new Date().toISOString(), level, event, ...common };
      for (const [name, value] of Object.entries(fields)) all[name] = plain(value);
      write(JSON.stringify(all));
    };
  return {
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    with: (fields) => createLog(write, { ...common, ...fields }),
  };
}
