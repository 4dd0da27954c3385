import { useQueryClient } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { Route, Router, Switch } from 'wouter';
import { onSessionEnd } from './api/call.ts';
import { useLiveUpdates } from './api/live.ts';
import { endSession, type Session, startSession } from './api/session.ts';
import { Frame } from './frame.tsx';
import { LiveContext } from './live-context.ts';
import { Audit } from './pages/audit.tsx';
import { Connectors } from './pages/connectors.tsx';
import { Credentials } from './pages/credentials.tsx';
import { Image } from './pages/image/image.tsx';
import { NewImage, NewVersion } from './pages/image/new-image.tsx';
import { Version } from './pages/image/version.tsx';
import { Images } from './pages/images.tsx';
import { Microvm } from './pages/microvm/microvm.tsx';
import { Microvms } from './pages/microvms.tsx';
import { NotFound } from './pages/not-found.tsx';
import { Overview } from './pages/overview.tsx';
import { Roles } from './pages/roles.tsx';
import { RunMicrovm } from './pages/run-microvm.tsx';
import { Settings } from './pages/settings.tsx';
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
  return <SignedIn session={phase.session} onSignOut={signOut} />;
}

function SignedIn({ session, onSignOut }: { session: Session; onSignOut: () => void }) {
  const live = useLiveUpdates();
  return (
    <SessionContext value={session}>
      <LiveContext value={live}>
        <Announcements>
          <Router base="/console">
            <Frame onSignOut={onSignOut}>
              <Switch>
                <Route path="/" component={Overview} />
                <Route path="/microvms" component={Microvms} />
                <Route path="/microvms/run" component={RunMicrovm} />
                <Route path="/microvms/:id/:tab?" component={Microvm} />
                <Route path="/images" component={Images} />
                <Route path="/images/new" component={NewImage} />
                <Route path="/images/:name/new-version" component={NewVersion} />
                <Route path="/images/:name/:version" component={Version} />
                <Route path="/images/:name" component={Image} />
                <Route path="/connectors" component={Connectors} />
                <Route path="/roles" component={Roles} />
                <Route path="/credentials" component={Credentials} />
                <Route path="/audit" component={Audit} />
                <Route path="/settings" component={Settings} />
                <Route component={NotFound} />
              </Switch>
            </Frame>
          </Router>
        </Announcements>
      </LiveContext>
    </SessionContext>
  );
}
