import type { AuditLog } from '../audit/audit-log.ts';
import { readAudit } from '../audit/read-audit.ts';
import type { FindCredential } from '../aws/sigv4/credential.ts';
import type { Config } from '../config/config.ts';
import { ConsoleSessions } from '../console/sessions.ts';
import { StaticFiles } from '../console/static-files.ts';
import { createWebConsole } from '../console/web-console.ts';
import { listMicrovmDetails } from '../control/microvms/list-details.ts';
import { consoleHandlers } from '../extensions/console.ts';
import { describeHost } from '../extensions/host-description.ts';
import type { KeyPair } from '../setup/certificates.ts';
import { consoleFolder } from '../setup/console.ts';
import type { Store } from '../store/store.ts';

export interface ConsoleParts {
  config: Config;
  store: Store;
  audit: AuditLog;
  auditFolder: string;
  /** Engine and accelerator, with the reason for it. */
  engine: string;
  /** Of the ingress; the port is known when it listens. */
  endpoint: { domain: string; port: number };
  findCredential: FindCredential;
  certificate: () => Promise<KeyPair>;
}

/** The web console, ready to be put into the front door, and the operations that it adds. */
export function openConsole(parts: ConsoleParts) {
  const { config, store, audit, auditFolder, engine, endpoint, findCredential, certificate } = parts;
  const sessions = new ConsoleSessions(findCredential, Date.now);
  const { host } = config.endpoint;
  const everywhere = host === '0.0.0.0' || host === '::';
  const door = createWebConsole({
    sessions,
    files: new StaticFiles(consoleFolder(config.cacheDir)),
    ownName: config.console.name,
    endpoint: async () => ({
      host: everywhere ? '127.0.0.1' : host,
      port: endpoint.port,
      cert: (await certificate()).cert,
    }),
    audit: (record) => audit.record(record),
    now: Date.now,
  });
  const startedAt = new Date();
  const handlers = consoleHandlers({
    sessions,
    microvmDetails: (ended, caller) => listMicrovmDetails({ store, config: { endpoint } }, ended, caller),
    describeHost: (caller) => describeHost({ config, store, engine, startedAt }, caller),
    async readAudit(query) {
      await audit.flush();
      return readAudit(auditFolder, query);
    },
  });
  return { door, handlers };
}
