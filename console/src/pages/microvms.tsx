import { useQuery } from '@tanstack/react-query';
import { call } from '../api/call.ts';
import { toTime } from '../api/wire.ts';
import { arnName } from '../lib/format.ts';
import { Copyable } from '../ui/copyable.tsx';
import { DataTable } from '../ui/data-table.tsx';
import { Empty, ErrorNote, Loading } from '../ui/notes.tsx';
import { Page } from '../ui/page.tsx';
import { State } from '../ui/state.tsx';
import { Time } from '../ui/time.tsx';

export function Microvms() {
  const list = useQuery({
    queryKey: ['microvms'],
    queryFn: () => call('ListMicrovms', {}),
    refetchInterval: 2000,
  });
  return (
    <Page title="MicroVMs">
      {list.isPending && <Loading />}
      {list.error && <ErrorNote error={list.error} retry={() => void list.refetch()} />}
      {list.data?.items.length === 0 && <Empty icon="microvms" title="No MicroVM has been run yet" />}
      {list.data && list.data.items.length > 0 && (
        <DataTable
          label="MicroVMs"
          rows={list.data.items}
          rowKey={({ microvmId }) => microvmId}
          columns={[
            { name: 'MicroVM', cell: ({ microvmId }) => <Copyable text={microvmId} /> },
            { name: 'State', cell: ({ state }) => <State value={state} />, sort: ({ state }) => state },
            { name: 'Image', cell: ({ imageArn }) => arnName(imageArn), sort: ({ imageArn }) => imageArn },
            { name: 'Started', cell: ({ startedAt }) => <Time at={toTime(startedAt)} /> },
          ]}
        />
      )}
    </Page>
  );
}
