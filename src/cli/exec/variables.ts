import { UsageError } from '../usage-error.ts';

/** `--env NAME=VALUE`, as often as it was given. @throws UsageError */
export function variables(texts: readonly string[] = []): Record<string, string> {
  const pairs = texts.map((text): [string, string] => {
    const at = text.indexOf('=');
    if (at < 1) throw new UsageError(`'--env ${text}' is not of the form NAME=VALUE.`);
    return [text.slice(0, at), text.slice(at + 1)];
  });
  return Object.fromEntries(pairs);
}
