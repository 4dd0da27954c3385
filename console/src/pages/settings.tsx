import { useState } from 'react';
import { useHost } from '../api/queries.ts';
import { toTime } from '../api/wire.ts';
import { DataTable } from '../ui/data-table.tsx';
import { FilterBar } from '../ui/filter-bar.tsx';
import { ErrorNote, Loading } from '../ui/notes.tsx';
import { Fact, Facts, Page, Panel } from '../ui/page.tsx';
import { Time } from '../ui/time.tsx';

/** How this squib is set up. Settings are made in its configuration file, not here. */
export function Settings() {
  const host = useHost();
  const [text, setText] = useState('');
  const all = Object.entries(host.data?.settings ?? {});
  const shown = all.filter((pair) => pair.join(' ').toLowerCase().includes(text.trim().toLowerCase()));
  return (
    <Page title="Settings">
      {host.isPending && <Loading />}
      {host.error && <ErrorNote error={host.error} retry={() => void host.refetch()} />}
      {host.data && (
        <>
          <Panel title="This squib">
            <Facts>
              <Fact name="Version">{host.data.version}</Fact>
              <Fact name="Machine">{host.data.hostname}</Fact>
              <Fact name="Started">
                <Time at={toTime(host.data.startedAt)} />
              </Fact>
              <Fact name="Engine">{host.data.engine}</Fact>
            </Facts>
          </Panel>
          <p className="lead muted">
            <span>
              Read only: settings are in the configuration file (<code>/etc/squib/config.json</code> unless
              told otherwise) and hold from the next start on.
            </span>
          </p>
          <FilterBar label="Find a setting" text={text} onText={setText} />
          <DataTable
            label="Settings"
            rows={shown}
            rowKey={([name]) => name}
            columns={[
              { name: 'Setting', cell: ([name]) => <code>{name}</code>, sort: ([name]) => name },
              {
                name: 'Value',
                cell: ([, value]) => <code className="value">{value === '' ? '""' : value}</code>,
                prose: true,
              },
            ]}
          />
        </>
      )}
    </Page>
  );
}
