import { useInfiniteQuery } from '@tanstack/react-query';
import { useDeferredValue, useState } from 'react';
import { call, type Output } from '../api/call.ts';
import { toTime } from '../api/wire.ts';
import { arnName } from '../lib/format.ts';
import { CopyButton } from '../ui/copyable.tsx';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { FilterBar } from '../ui/filter-bar.tsx';
import { Check } from '../ui/forms.tsx';
import { Empty, ErrorNote, Loading } from '../ui/notes.tsx';
import { Page } from '../ui/page.tsx';
import { Time } from '../ui/time.tsx';

type AuditEvent = Output<'ListAuditEvents'>['items'][number];

export function Audit() {
  const [text, setText] = useState('');
  const [includeReads, setIncludeReads] = useState(false);
  const [shown, setShown] = useState<AuditEvent>();
  const filter = useDeferredValue(text.trim());
  const events = useInfiniteQuery({
    queryKey: ['audit', filter, includeReads],
    initialPageParam: undefined as string | undefined,
    queryFn: ({ pageParam: nextToken, signal }) =>
      call(
        'ListAuditEvents',
        { includeReads, ...(filter !== '' && { filter }), ...(nextToken !== undefined && { nextToken }) },
        signal,
      ),
    getNextPageParam: ({ nextToken }) => nextToken,
    refetchInterval: ({ state }) => ((state.data?.pages.length ?? 0) > 1 ? false : 5000),
  });
  const rows = events.data?.pages.flatMap(({ items }) => items) ?? [];
  const columns: Column<AuditEvent>[] = [
    { name: 'When', cell: ({ eventTime }) => <Time at={toTime(eventTime)} /> },
    {
      name: 'What',
      cell: (event) => (
        <button type="button" className="link" onClick={() => setShown(event)}>
          {event.eventName}
        </button>
      ),
    },
    {
      name: 'Who',
      cell: ({ principal }) =>
        principal === undefined ? (
          <span className="muted">nobody</span>
        ) : (
          <span title={principal}>{arnName(principal)}</span>
        ),
    },
    { name: 'From', cell: ({ sourceIpAddress }) => sourceIpAddress, wide: true },
    { name: 'Service', cell: ({ eventSource }) => eventSource.replace('.amazonaws.com', ''), wide: true },
    {
      name: 'Outcome',
      cell: ({ errorCode, errorMessage }) =>
        errorCode === undefined ? (
          <span className="state good">done</span>
        ) : (
          <span className="state bad" title={errorMessage}>
            {errorCode}
          </span>
        ),
    },
  ];
  return (
    <Page title="Audit">
      <FilterBar label="Find in the whole record" text={text} onText={setText} />
      <div className="below-filter">
        <Check name="Calls that only read" checked={includeReads} onChange={setIncludeReads} />
      </div>
      {events.isPending && <Loading />}
      {events.error && <ErrorNote error={events.error} retry={() => void events.refetch()} />}
      {events.data && rows.length === 0 && (
        <Empty
          icon="audit"
          title={filter === '' ? 'Nothing has been changed yet' : 'No record holds this text'}
        >
          {events.hasNextPage && <p>Older records have not been looked through yet.</p>}
        </Empty>
      )}
      {rows.length > 0 && (
        <DataTable label="Audit log" columns={columns} rows={rows} rowKey={({ eventId }) => eventId} />
      )}
      {events.hasNextPage && (
        <p className="more">
          <button
            type="button"
            className="button"
            disabled={events.isFetchingNextPage}
            onClick={() => void events.fetchNextPage()}
          >
            Older
          </button>
        </p>
      )}
      {shown && (
        <Dialog title={shown.eventName} onClose={() => setShown(undefined)}>
          <div className="dialog-body">
            <div className="snippet">
              <pre className="json">{JSON.stringify(JSON.parse(shown.record), null, 2)}</pre>
              <CopyButton text={shown.record} label="the record" />
            </div>
          </div>
        </Dialog>
      )}
    </Page>
  );
}
