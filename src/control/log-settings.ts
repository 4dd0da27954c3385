import type { Logging } from '../aws/models/lambda-microvms.ts';
import type { LogSettings } from './host.ts';

/**
 * Where output goes. Without a wish it is the image's default group, also for a MicroVM whose image names its own
 * group (Decision I8; spec: iam-credentials-logging-metrics section 4).
 */
export function logSettings(logging: Logging | undefined, imageName: string): LogSettings {
  if (logging?.disabled !== undefined) return { kind: 'disabled' };
  const { logGroup, logStream } = logging?.cloudWatch ?? {};
  return {
    kind: 'cloudWatch',
    logGroup: logGroup ?? `/aws/lambda-microvms/${imageName}`,
    ...(logStream !== undefined && { logStream }),
  };
}
