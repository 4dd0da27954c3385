import { useState } from 'react';
import { Link } from 'wouter';
import { type ImageSummary, useImages } from '../api/queries.ts';
import { toTime } from '../api/wire.ts';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { FilterBar } from '../ui/filter-bar.tsx';
import { Icon } from '../ui/icons.tsx';
import { Empty, ErrorNote, Loading } from '../ui/notes.tsx';
import { Page } from '../ui/page.tsx';
import { State } from '../ui/state.tsx';
import { Time } from '../ui/time.tsx';

const columns: Column<ImageSummary>[] = [
  {
    name: 'Image',
    cell: ({ name }) => <Link href={`/images/${name}`}>{name}</Link>,
    sort: ({ name }) => name,
  },
  { name: 'State', cell: ({ state }) => <State value={state} />, sort: ({ state }) => state },
  {
    name: 'Active version',
    cell: (image) => image.latestActiveImageVersion ?? <span className="muted">none</span>,
  },
  { name: 'Failed version', cell: (image) => image.latestFailedImageVersion ?? '', wide: true },
  {
    name: 'Created',
    cell: ({ createdAt }) => <Time at={toTime(createdAt)} />,
    sort: ({ createdAt }) => toTime(createdAt),
    wide: true,
  },
  {
    name: '',
    cell: ({ name, latestActiveImageVersion }) =>
      latestActiveImageVersion === undefined ? null : (
        <Link href={`/microvms/run?image=${name}`} aria-label={`Run ${name}`}>
          Run
        </Link>
      ),
  },
];

export function Images() {
  const images = useImages();
  const [text, setText] = useState('');
  const create = (
    <Link href="/images/new" className="button primary">
      <Icon name="plus" />
      Create image
    </Link>
  );
  const shown = (images.data ?? []).filter(({ name }) =>
    name.toLowerCase().includes(text.trim().toLowerCase()),
  );
  return (
    <Page title="Images" actions={create}>
      {images.isPending && <Loading />}
      {images.error && <ErrorNote error={images.error} retry={() => void images.refetch()} />}
      {images.data?.length === 0 && (
        <Empty icon="images" title="There is no image yet">
          <p>
            A folder with a Dockerfile becomes an image: a snapshot of a MicroVM in which your application
            runs already.
          </p>
          {create}
        </Empty>
      )}
      {images.data && images.data.length > 0 && (
        <>
          <FilterBar label="Find by name" text={text} onText={setText} />
          <DataTable label="Images" columns={columns} rows={shown} rowKey={({ imageArn }) => imageArn} />
        </>
      )}
    </Page>
  );
}
