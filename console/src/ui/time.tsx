import { useNow } from '../lib/clock.ts';
import { absolute, relative } from '../lib/format.ts';

/** A moment relative to now; its absolute form on hover and for screen readers that ask. */
export function Time({ at }: { at: number | undefined }) {
  const now = useNow();
  if (at === undefined || Number.isNaN(at)) return <span className="muted">–</span>;
  return (
    <time dateTime={new Date(at).toISOString()} title={absolute(at)}>
      {relative(at, now)}
    </time>
  );
}
