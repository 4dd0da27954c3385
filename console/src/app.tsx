import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Route, Router, Switch } from 'wouter';
import { onSessionEnd } from './api/call.ts';
import { endSession, type Session, startSession } from './api/session.ts';
import { Frame } from './frame.tsx';
import { Microvms } from './pages/microvms.tsx';
import { NotFound } from './pages/not-found.tsx';
import { Overview } from './pages/overview.tsx';
import { SignIn } from './pages/sign-in.tsx';
import { SessionContext } from './session-context.ts';
import { Announcements } from './ui/announcements.tsx';

type Phase =
  | { is: 'starting' }
  | { is: 'out'; error?: unknown; ended?: boolean }
  | { is: 'in'; session: Session };

// The link is used once, however often React calls an effect.
let starting: Promise<Session | undefined> | undefined;

export function App() {
  const [phase, setPhase] = useState<Phase>({ is: 'starting' });
  const queries = useQueryClient();
  useEffect(() => {
    starting ??= startSession();
    starting.then(
      (session) => setPhase(session ? { is: 'in', session } : { is: 'out' }),
      (error: unknown) => setPhase({ is: 'out', error }),
    );
    return onSessionEnd(() => {
      queries.clear();
      setPhase({ is: 'out', ended: true });
    });
  }, [queries]);
  if (phase.is === 'starting') return null;
  if (phase.is === 'out') return <SignIn error={phase.error} ended={phase.ended ?? false} />;
  const signOut = () => {
    void endSession().then(() => {
      queries.clear();
      setPhase({ is: 'out' });
    });
  };
  return (
    <SessionContext value={phase.session}>
      <Announcements>
        <Router base="/console">
          <Frame onSignOut={signOut}>
            <Switch>
              <Route path="/" component={Overview} />
              <Route path="/microvms" component={Microvms} />
              <Route component={NotFound} />
            </Switch>
          </Frame>
        </Router>
      </Announcements>
    </SessionContext>
  );
}
