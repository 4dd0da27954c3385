import type { AuditLog } from '../audit/audit-log.ts';
import type { FindCredential } from '../aws/sigv4/credential.ts';
import type { Config } from '../config/config.ts';
import { ConsoleSessions } from '../console/sessions.ts';
import { StaticFiles } from '../console/static-files.ts';
import { createWebConsole } from '../console/web-console.ts';
import type { KeyPair } from '../setup/certificates.ts';
import { consoleFolder } from '../setup/console.ts';

export interface ConsoleParts {
  config: Config;
  audit: AuditLog;
  findCredential: FindCredential;
  /** Known when the ingress listens. */
  endpointPort: () => number;
  certificate: () => Promise<KeyPair>;
}

/** The web console, ready to be put into the front door. */
export function openConsole({ config, audit, findCredential, endpointPort, certificate }: ConsoleParts) {
  const sessions = new ConsoleSessions(findCredential, Date.now);
  const { host } = config.endpoint;
  const everywhere = host === '0.0.0.0' || host === '::';
  const door = createWebConsole({
    sessions,
    files: new StaticFiles(consoleFolder(config.cacheDir)),
    ownName: config.console.name,
    endpoint: async () => ({
      host: everywhere ? '127.0.0.1' : host,
      port: endpointPort(),
      cert: (await certificate()).cert,
    }),
    audit: (record) => audit.record(record),
    now: Date.now,
  });
  return { sessions, door };
}
