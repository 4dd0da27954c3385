import { checkExternalService, type ExternalService, ownService } from './external-service.ts';

/** Where else log events go, beside squib's own log groups. */
export interface LogSettings {
  /** A CloudWatch Logs service that gets them all, in groups and streams of the same names. */
  cloudWatch: ExternalService;
  /** A file that gets each event as a line of JSON; empty: none. Whoever rotates it moves it and makes a new one. */
  jsonLines: string;
}

export const onlyOwnLogs: LogSettings = { cloudWatch: ownService, jsonLines: '' };

export function checkLogSettings(
  settings: LogSettings,
  fail: (path: string, problem: string) => never,
): void {
  checkExternalService(settings.cloudWatch, 'logs.cloudWatch', fail);
  if (settings.jsonLines !== '' && !settings.jsonLines.startsWith('/')) {
    fail('logs.jsonLines', 'must be an absolute path');
  }
}
