import type { Handlers } from '../aws/handlers.ts';
import type { ConsoleSessions } from '../console/sessions.ts';
import type { ConsoleOperations } from './console-model.ts';

/** The operations that the web console adds; authorization stands in front of them (`authorizeHandlers`). */
export function consoleHandlers(sessions: ConsoleSessions): Handlers<ConsoleOperations> {
  return {
    async CreateConsoleLink(_input, { accessKeyId, region }) {
      const { token, expiresAt } = sessions.createLink(accessKeyId, region);
      // A fragment: browsers send it to nobody, so that it is in no log and no referrer.
      return { path: `/console/#sign-in=${token}`, expiresAt: new Date(expiresAt) };
    },
  };
}
