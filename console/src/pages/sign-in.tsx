import { useEffect } from 'react';
import { CopyButton } from '../ui/copyable.tsx';
import { ErrorNote } from '../ui/notes.tsx';

const command = 'sudo squib console';

/** For whoever has no session: how to get one. */
export function SignIn({ error, ended }: { error?: unknown; ended: boolean }) {
  useEffect(() => {
    document.title = 'Sign in · squib';
    // A link that is pasted into this very page changes nothing but the fragment, which loads nothing.
    const reload = () => location.hash.startsWith('#sign-in=') && location.reload();
    addEventListener('hashchange', reload);
    return () => removeEventListener('hashchange', reload);
  }, []);
  return (
    <main className="sign-in">
      <div className="card">
        <p className="brand">
          <span className="logo" aria-hidden="true" />
          <span>squib</span>
        </p>
        <h1>{ended ? 'Your session has ended' : 'Sign in'}</h1>
        {error !== undefined && <ErrorNote error={error} />}
        <p>
          There is no password. On the machine that squib runs on, or wherever you have its credentials, run
        </p>
        <p className="command">
          <code>{command}</code>
          <CopyButton text={command} label="the command" />
        </p>
        <p>
          and open the link that it prints. It works once, within five minutes, with the rights of your key.
        </p>
      </div>
    </main>
  );
}
