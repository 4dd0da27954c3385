import type { AuditEvent, AuditQuery } from '../audit/read-audit.ts';
import type { Caller } from '../aws/caller.ts';
import type { Handlers } from '../aws/handlers.ts';
import type { ConsoleSessions } from '../console/sessions.ts';
import type { MicrovmDetail } from '../control/microvms/list-details.ts';
import type { ConsoleOperations } from './console-model.ts';
import type { HostDescription } from './host-description.ts';

export interface ConsoleHandlerParts {
  sessions: ConsoleSessions;
  microvmDetails(ended: number, caller: Caller): MicrovmDetail[];
  describeHost(caller: Caller): Promise<HostDescription>;
  readAudit(query: AuditQuery): Promise<{ items: AuditEvent[]; nextToken?: string | undefined }>;
}

/** The operations that the web console adds; authorization stands in front of them (`authorizeHandlers`). */
export function consoleHandlers(parts: ConsoleHandlerParts): Handlers<ConsoleOperations> {
  return {
    async CreateConsoleLink(_input, { accessKeyId, region }) {
      const { token, expiresAt } = parts.sessions.createLink(accessKeyId, region);
      // A fragment: browsers send it to nobody, so that it is in no log and no referrer.
      return { path: `/console/#sign-in=${token}`, expiresAt: new Date(expiresAt) };
    },
    ListMicrovmDetails: async ({ ended = 100 }, caller) => ({ items: parts.microvmDetails(ended, caller) }),
    DescribeHost: (_input, caller) => parts.describeHost(caller),
    ListAuditEvents: (query) => parts.readAudit(query),
  };
}
