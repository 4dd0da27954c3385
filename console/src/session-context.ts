import { createContext, use } from 'react';
import type { Session } from './api/session.ts';

export const SessionContext = createContext<Session | undefined>(undefined);

/** Who is signed in; only below the frame, where somebody is. */
export function useSession(): Session {
  const session = use(SessionContext);
  if (!session) throw new Error('Nobody is signed in here.');
  return session;
}
