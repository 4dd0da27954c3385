import { createContext, type ReactNode, use, useCallback, useRef, useState } from 'react';
import { Icon } from './icons.tsx';

interface Announcement {
  id: number;
  text: string;
  bad: boolean;
}

type Announce = (text: string, options?: { bad?: boolean }) => void;

const AnnounceContext = createContext<Announce>(() => {});
const shownMs = 5000;

/** Says in a corner, and to screen readers, what became of an action. */
export function useAnnounce(): Announce {
  return use(AnnounceContext);
}

export function Announcements({ children }: { children: ReactNode }) {
  const [all, setAll] = useState<Announcement[]>([]);
  const next = useRef(0);
  const remove = useCallback((id: number) => setAll((list) => list.filter((each) => each.id !== id)), []);
  const announce = useCallback<Announce>(
    (text, { bad = false } = {}) => {
      const id = next.current++;
      setAll((list) => [...list.slice(-2), { id, text, bad }]);
      // What went wrong stays until it was read.
      if (!bad) setTimeout(() => remove(id), shownMs);
    },
    [remove],
  );
  return (
    <AnnounceContext value={announce}>
      {children}
      <div className="announcements" role="status" aria-live="polite">
        {all.map(({ id, text, bad }) => (
          <div key={id} className={bad ? 'announcement bad' : 'announcement'}>
            <span>{text}</span>
            <button type="button" className="icon-button" aria-label="Dismiss" onClick={() => remove(id)}>
              <Icon name="close" />
            </button>
          </div>
        ))}
      </div>
    </AnnounceContext>
  );
}
