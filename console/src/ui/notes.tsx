import type { ReactNode } from 'react';
import { ApiError } from '../api/api-error.ts';
import { Icon, type IconName } from './icons.tsx';

/** What went wrong and what to do about it. */
export function ErrorNote({ error, retry }: { error: unknown; retry?: () => void }) {
  const known = error instanceof ApiError ? error : undefined;
  return (
    <div className="note bad" role="alert">
      <Icon name="warning" />
      <div>
        <p>{error instanceof Error ? error.message : String(error)}</p>
        {known && <p className="muted">{remedy(known)}</p>}
      </div>
      {retry && (
        <button type="button" className="button small" onClick={retry}>
          Try again
        </button>
      )}
    </div>
  );
}

function remedy({ code, status }: ApiError): string {
  if (status === 0) return "See 'squib status' on the machine that squib runs on.";
  if (code.startsWith('AccessDenied'))
    return 'The key that you signed in with lacks this permission: change its policy.';
  if (code.startsWith('Throttling') || status === 429) return 'Too many calls at once: wait a moment.';
  if (status >= 500) return "squib's log tells more.";
  return code;
}

/** A place where nothing is yet, with the next step. */
export function Empty({ icon, title, children }: { icon: IconName; title: string; children?: ReactNode }) {
  return (
    <div className="empty">
      <Icon name={icon} />
      <h2>{title}</h2>
      {children}
    </div>
  );
}

export function Loading() {
  return (
    <div className="loading" role="status">
      Loading …
    </div>
  );
}
