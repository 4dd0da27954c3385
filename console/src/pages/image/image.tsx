import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { call } from '../../api/call.ts';
import {
  imageArnOf,
  useAction,
  useImage,
  useMicrovms,
  useVersions,
  type VersionSummary,
} from '../../api/queries.ts';
import { toTime } from '../../api/wire.ts';
import { plural } from '../../lib/format.ts';
import { useSession } from '../../session-context.ts';
import { Copyable } from '../../ui/copyable.tsx';
import { type Column, DataTable } from '../../ui/data-table.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { ErrorNote, Loading } from '../../ui/notes.tsx';
import { Page, Panel } from '../../ui/page.tsx';
import { State } from '../../ui/state.tsx';
import { Time } from '../../ui/time.tsx';

export function Image({ params: { name } }: { params: { name: string } }) {
  const imageArn = imageArnOf(useSession(), name);
  const image = useImage(imageArn);
  const versions = useVersions(imageArn);
  const used = (useMicrovms().data ?? []).filter(
    (each) => each.imageArn === imageArn && each.state !== 'TERMINATED',
  );
  const { data } = image;
  return (
    <Page
      title={name}
      trail={<Link href="/images">Images</Link>}
      badge={data && <State value={data.state} />}
      actions={
        data && (
          <ImageActions
            name={name}
            imageArn={imageArn}
            runnable={data.latestActiveImageVersion !== undefined}
          />
        )
      }
    >
      {image.isPending && <Loading />}
      {image.error && <ErrorNote error={image.error} retry={() => void image.refetch()} />}
      {data && (
        <p className="lead">
          <Copyable text={imageArn} label="the ARN" />
          <span className="muted">
            created <Time at={toTime(data.createdAt)} />, used by {plural(used.length, 'MicroVM')}
          </span>
        </p>
      )}
      {versions.data && (
        <Panel title="Versions">
          <DataTable
            label="Versions"
            columns={columnsFor(name)}
            rows={versions.data}
            rowKey={({ imageVersion }) => imageVersion}
          />
        </Panel>
      )}
      {versions.error && <ErrorNote error={versions.error} />}
    </Page>
  );
}

const columnsFor = (name: string): Column<VersionSummary>[] => [
  {
    name: 'Version',
    cell: ({ imageVersion }) => <Link href={`/images/${name}/${imageVersion}`}>{imageVersion}</Link>,
  },
  { name: 'Build', cell: ({ state }) => <State value={state} /> },
  {
    name: 'Status',
    cell: ({ status }) => <span className={status === 'ACTIVE' ? '' : 'muted'}>{status.toLowerCase()}</span>,
  },
  { name: 'Created', cell: ({ createdAt }) => <Time at={toTime(createdAt)} /> },
  {
    name: 'Description or reason',
    cell: ({ stateReason, description }) => <span className="reason">{stateReason ?? description}</span>,
    prose: true,
    wide: true,
  },
];

function ImageActions({ name, imageArn, runnable }: { name: string; imageArn: string; runnable: boolean }) {
  const [asking, setAsking] = useState(false);
  const [, go] = useLocation();
  const remove = useAction(
    () => call('DeleteMicrovmImage', { imageIdentifier: imageArn }),
    () => {
      go('/images');
      return `${name} is being deleted.`;
    },
  );
  return (
    <>
      <button type="button" className="button danger" onClick={() => setAsking(true)}>
        Delete
      </button>
      <Link href={`/images/${name}/new-version`} className="button">
        New version
      </Link>
      {runnable && (
        <Link href={`/microvms/run?image=${name}`} className="button primary">
          Run
        </Link>
      )}
      {asking && (
        <Confirm
          title={`Delete ${name}?`}
          action="Delete"
          onClose={() => setAsking(false)}
          onConfirm={() => remove.mutate(undefined)}
        >
          <p>All its versions and their snapshots are removed. MicroVMs that run from it must end first.</p>
        </Confirm>
      )}
    </>
  );
}
