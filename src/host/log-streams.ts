import type { LogSettings } from '../control/host.ts';
import type { LogStore, LogWriter } from '../store/log-store.ts';
import { type LogWriterRole, mayLog } from './log-rights.ts';

/** Group that AWS uses when the caller names none (spec: iam-credentials-logging-metrics 4). */
export function defaultLogGroup(imageName: string): string {
  return `/aws/lambda-microvms/${imageName}`;
}

/** `YYYY/MM/DD[version]microvmId`, in UTC (Decision I5). */
export function defaultLogStream(startedAt: number, imageVersion: string, microvmId: string): string {
  const day = new Date(startedAt).toISOString().slice(0, 10).replaceAll('-', '/');
  return `${day}[${imageVersion}]${microvmId}`;
}

/** The stream for a container's output; undefined where logging is disabled or the role may not write it. */
export function openLogStream(
  store: LogStore,
  settings: LogSettings,
  of: { startedAt: number; imageVersion: string; microvmId: string },
  role?: LogWriterRole,
): LogWriter | undefined {
  if (settings.kind === 'disabled') return undefined;
  const stream = settings.logStream ?? defaultLogStream(of.startedAt, of.imageVersion, of.microvmId);
  if (role && !mayLog(role, settings.logGroup, stream, store.hasGroup(settings.logGroup))) return undefined;
  return store.openStream(settings.logGroup, stream);
}
