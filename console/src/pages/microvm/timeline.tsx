import { useHistory } from '../../api/queries.ts';
import { absolute, duration } from '../../lib/format.ts';
import { ErrorNote, Loading } from '../../ui/notes.tsx';
import { Panel } from '../../ui/page.tsx';
import { State } from '../../ui/state.tsx';
import { Time } from '../../ui/time.tsx';

/** Every change of state and why, the newest first. */
export function Timeline({ resource }: { resource: string }) {
  const history = useHistory(resource);
  const events = history.data ?? [];
  return (
    <Panel title="Timeline">
      {history.isPending && <Loading />}
      {history.error && <ErrorNote error={history.error} />}
      {history.data && events.length === 0 && <p className="panel-text muted">Nothing is recorded.</p>}
      <ol className="timeline">
        {events
          .map((event, at) => {
            const time = Date.parse(event.time);
            const next = events[at + 1];
            const lasted = next ? duration((Date.parse(next.time) - time) / 1000) : undefined;
            return (
              <li key={event.id}>
                <div className="line">
                  <State value={event.detail.state} />
                  <span className="muted">
                    <Time at={time} />
                    {lasted !== undefined && lasted !== '0 s' && ` · for ${lasted}`}
                  </span>
                </div>
                <p>{event.detail.reason}</p>
                <span className="off-screen">{absolute(time)}</span>
              </li>
            );
          })
          .reverse()}
      </ol>
    </Panel>
  );
}
