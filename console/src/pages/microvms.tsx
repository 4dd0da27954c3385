import { useMemo, useState } from 'react';
import { Link, useSearch } from 'wouter';
import { type MicrovmDetail, SHOWN_ENDED, useMicrovms } from '../api/queries.ts';
import { toTime } from '../api/wire.ts';
import { arnName, shortId } from '../lib/format.ts';
import { CopyButton } from '../ui/copyable.tsx';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { FilterBar } from '../ui/filter-bar.tsx';
import { Icon } from '../ui/icons.tsx';
import { Empty, ErrorNote, Loading } from '../ui/notes.tsx';
import { Page } from '../ui/page.tsx';
import { isBusy, State } from '../ui/state.tsx';
import { Time } from '../ui/time.tsx';

const groups: Record<string, (state: string) => boolean> = {
  All: () => true,
  Running: (state) => state === 'RUNNING',
  Suspended: (state) => state === 'SUSPENDED',
  Changing: isBusy,
  Ended: (state) => state === 'TERMINATED',
};

export function Microvms() {
  const list = useMicrovms();
  return (
    <Page
      title="MicroVMs"
      actions={
        <Link href="/microvms/run" className="button primary">
          <Icon name="plus" />
          Run MicroVM
        </Link>
      }
    >
      {list.isPending && <Loading />}
      {list.error && <ErrorNote error={list.error} retry={() => void list.refetch()} />}
      {list.data?.length === 0 && <NothingRun />}
      {list.data && list.data.length > 0 && <MicrovmList rows={list.data} />}
    </Page>
  );
}

function NothingRun() {
  return (
    <Empty icon="microvms" title="No MicroVM has been run yet">
      <p>
        A MicroVM starts from an image. <Link href="/images">Make one</Link> first, then run it.
      </p>
      <Link href="/microvms/run" className="button primary">
        Run MicroVM
      </Link>
    </Empty>
  );
}

const columns: Column<MicrovmDetail>[] = [
  {
    name: 'MicroVM',
    cell: ({ microvmId }) => (
      <span className="copyable">
        <Link href={`/microvms/${microvmId}`} title={microvmId}>
          <code>{shortId(microvmId)}</code>
        </Link>
        <CopyButton text={microvmId} label={microvmId} />
      </span>
    ),
  },
  { name: 'State', cell: ({ state }) => <State value={state} />, sort: ({ state }) => state },
  {
    name: 'Image',
    cell: ({ imageArn, imageVersion }) => (
      <>
        <Link href={`/images/${arnName(imageArn)}`}>{arnName(imageArn)}</Link>{' '}
        <span className="muted">{imageVersion}</span>
      </>
    ),
    sort: ({ imageArn, imageVersion }) => `${arnName(imageArn)} ${imageVersion}`,
  },
  {
    name: 'In this state since',
    cell: ({ stateSince }) => <Time at={toTime(stateSince)} />,
    sort: ({ stateSince }) => toTime(stateSince),
    wide: true,
  },
  {
    name: 'Started',
    cell: ({ startedAt }) => <Time at={toTime(startedAt)} />,
    sort: ({ startedAt }) => toTime(startedAt),
    wide: true,
  },
  {
    name: 'Reason',
    cell: ({ stateReason }) => <span className="reason">{stateReason}</span>,
    prose: true,
    wide: true,
  },
];

function MicrovmList({ rows }: { rows: MicrovmDetail[] }) {
  const [text, setText] = useState('');
  const [group, setGroup] = useState(useShown());
  const wanted = text.trim().toLowerCase();
  const found = useMemo(() => rows.filter((row) => holds(row, wanted)), [rows, wanted]);
  const counts = Object.entries(groups).map(([name, has]) => ({
    name,
    count: found.filter(({ state }) => has(state)).length,
  }));
  const shown = found.filter(({ state }) => groups[group]?.(state));
  return (
    <>
      <FilterBar
        label="Find by id, image, state or reason"
        text={text}
        onText={setText}
        groups={counts}
        group={group}
        onGroup={setGroup}
      />
      {shown.length === 0 ? (
        <Empty icon="search" title="No MicroVM matches">
          <button
            type="button"
            className="button"
            onClick={() => {
              setText('');
              setGroup('All');
            }}
          >
            Show all
          </button>
        </Empty>
      ) : (
        <DataTable label="MicroVMs" columns={columns} rows={shown} rowKey={({ microvmId }) => microvmId} />
      )}
      <p className="foot muted">Of those that have ended, the last {SHOWN_ENDED} are shown.</p>
    </>
  );
}

function holds(
  { microvmId, imageArn, imageVersion, state, stateReason = '' }: MicrovmDetail,
  wanted: string,
) {
  if (wanted === '') return true;
  const text = `${microvmId} ${arnName(imageArn)} ${imageVersion} ${state} ${stateReason}`.toLowerCase();
  return wanted.split(/\s+/).every((word) => text.includes(word));
}

/** The group that the address asks for. */
function useShown(): string {
  const asked = new URLSearchParams(useSearch()).get('show') ?? '';
  return Object.hasOwn(groups, asked) ? asked : 'All';
}
