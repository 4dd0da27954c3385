import { CloudWatchForwarder } from '../aws/client/cloudwatch-forwarder.ts';
import type { Config } from '../config/config.ts';
import type { Log } from '../log/log.ts';
import { jsonLines } from '../store/json-lines.ts';
import type { LogListener } from '../store/log-store.ts';

/** What is told of log events, as the configuration says. */
export function openLogForwarding(
  { logs, region }: Pick<Config, 'logs' | 'region'>,
  log: Log,
): { listeners: LogListener[]; close(): Promise<void> } {
  const cloudWatch = logs.cloudWatch.endpoint
    ? new CloudWatchForwarder(logs.cloudWatch, region, log)
    : undefined;
  const lines = logs.jsonLines
    ? jsonLines(logs.jsonLines, (error) => log.warn('logs.jsonLines', { file: logs.jsonLines, error }))
    : undefined;
  return {
    listeners: [cloudWatch?.listen, lines].filter((each) => each !== undefined),
    close: async () => cloudWatch?.close(),
  };
}
