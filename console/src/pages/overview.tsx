import { useQueries } from '@tanstack/react-query';
import { Link } from 'wouter';
import { call, type Output } from '../api/call.ts';
import { type ImageSummary, type MicrovmDetail, useHost, useImages, useMicrovms } from '../api/queries.ts';
import { toTime } from '../api/wire.ts';
import { isFailure } from '../lib/failures.ts';
import { arnName, bytes, mib, percent, plural, shortId } from '../lib/format.ts';
import { Icon } from '../ui/icons.tsx';
import { Empty, ErrorNote, Loading } from '../ui/notes.tsx';
import { Fact, Facts, Page, Panel } from '../ui/page.tsx';
import { isBusy, State } from '../ui/state.tsx';
import { Time } from '../ui/time.tsx';

export function Overview() {
  const microvms = useMicrovms();
  const images = useImages();
  const host = useHost();
  const rows = microvms.data ?? [];
  const count = (has: (state: string) => boolean) => rows.filter(({ state }) => has(state)).length;
  return (
    <Page
      title="Overview"
      actions={
        <>
          <Link href="/images/new" className="button">
            Create image
          </Link>
          <Link href="/microvms/run" className="button primary">
            <Icon name="plus" />
            Run MicroVM
          </Link>
        </>
      }
    >
      {microvms.error && <ErrorNote error={microvms.error} retry={() => void microvms.refetch()} />}
      <ul className="tiles">
        <Tile
          name="Running"
          tone="good"
          count={count((state) => state === 'RUNNING')}
          ready={microvms.isSuccess}
        />
        <Tile
          name="Suspended"
          tone="calm"
          count={count((state) => state === 'SUSPENDED')}
          ready={microvms.isSuccess}
        />
        <Tile name="Changing" tone="busy" count={count(isBusy)} ready={microvms.isSuccess} />
        <Tile
          name="Images"
          tone="off"
          count={images.data?.length ?? 0}
          ready={images.isSuccess}
          href="/images"
        />
      </ul>
      <div className="columns even">
        <div>
          <Failures
            microvms={rows}
            images={images.data ?? []}
            ready={microvms.isSuccess && !images.isPending}
          />
          <Recent rows={rows.slice(0, 8)} ready={microvms.isSuccess} />
        </div>
        <div>
          {host.isPending && <Loading />}
          {host.error && <ErrorNote error={host.error} />}
          {host.data && <Capacity host={host.data} />}
        </div>
      </div>
    </Page>
  );
}

interface TileProps {
  name: string;
  tone: string;
  count: number;
  ready: boolean;
  href?: string;
}

function Tile({ name, tone, count, ready, href = `/microvms?show=${name}` }: TileProps) {
  return (
    <li>
      <Link href={href} className="tile">
        <span className="tile-count">{ready ? count.toLocaleString('en-US') : '–'}</span>
        <span className={`state ${tone}`}>{name}</span>
      </Link>
    </li>
  );
}

const words: Record<string, string> = {
  memoryMiB: 'Memory of MicroVMs',
  images: 'Images',
  networkConnectors: 'Network connectors',
  concurrentBuilds: 'Builds under way',
};

function Capacity({ host }: { host: Output<'DescribeHost'> }) {
  const { memoryBytes, availableMemoryBytes, disks, quotas, cpus, load } = host;
  return (
    <>
      <Panel title="This machine">
        <div className="meters">
          <Meter
            name="Memory"
            used={memoryBytes - availableMemoryBytes}
            limit={memoryBytes}
            text={`${bytes(availableMemoryBytes)} of ${bytes(memoryBytes)} free`}
          />
          {disks.map(({ use, path, bytes: size, availableBytes }) => (
            <Meter
              key={use}
              name={`Disk for ${use}`}
              used={size - availableBytes}
              limit={size}
              text={`${bytes(availableBytes)} of ${bytes(size)} free`}
              title={path}
            />
          ))}
          <Meter
            name="Processors"
            used={load}
            limit={cpus}
            text={`load ${load.toFixed(1)} on ${plural(cpus, 'core')}`}
          />
        </div>
        <Facts>
          <Fact name="Engine">{host.engine}</Fact>
          <Fact name="squib">
            {host.version}, started <Time at={toTime(host.startedAt)} />
          </Fact>
        </Facts>
      </Panel>
      <Panel title="Quotas">
        <div className="meters">
          {quotas.map(({ name, used, limit }) => (
            <Meter
              key={name}
              name={words[name] ?? name}
              used={used}
              limit={limit}
              text={name === 'memoryMiB' ? `${mib(used)} of ${mib(limit)}` : `${used} of ${limit}`}
            />
          ))}
        </div>
      </Panel>
    </>
  );
}

interface MeterProps {
  name: string;
  used: number;
  limit: number;
  text: string;
  title?: string;
}

function Meter({ name, used, limit, text, title }: MeterProps) {
  const share = percent(used, limit);
  return (
    <div className="meter" title={title}>
      <span>{name}</span>
      <span className="muted">{text}</span>
      <meter
        min={0}
        max={100}
        low={75}
        high={92}
        optimum={0}
        value={share}
        aria-label={name}
        aria-valuetext={`${Math.round(share)} %, ${text}`}
      />
    </div>
  );
}

interface Failure {
  key: string;
  href: string;
  what: string;
  at: number;
  reason: string;
}

const SHOWN = 8;

function Failures({
  microvms,
  images,
  ready,
}: {
  microvms: MicrovmDetail[];
  images: ImageSummary[];
  ready: boolean;
}) {
  const failedVersions = useFailedVersions(images);
  const all: Failure[] = [
    ...microvms.filter(isFailure).map(({ microvmId, stateSince, stateReason = '' }) => ({
      key: microvmId,
      href: `/microvms/${microvmId}`,
      what: shortId(microvmId),
      at: toTime(stateSince),
      reason: stateReason,
    })),
    ...failedVersions,
  ].sort((a, b) => b.at - a.at);
  return (
    <Panel title="Recent failures">
      {!ready && <Loading />}
      {ready && all.length === 0 && (
        <p className="panel-text muted">None. What fails is listed here, with its reason.</p>
      )}
      <ul className="events">
        {all.slice(0, SHOWN).map(({ key, href, what, at, reason }) => (
          <li key={key}>
            <div className="line">
              <Link href={href}>{what}</Link>
              <span className="muted">
                <Time at={at} />
              </span>
            </div>
            <p>{reason}</p>
          </li>
        ))}
      </ul>
    </Panel>
  );
}

/** The newest failed version of each image that has one, with the reason that its list leaves out. */
function useFailedVersions(images: ImageSummary[]): Failure[] {
  const failed = images
    .filter(({ latestFailedImageVersion }) => latestFailedImageVersion !== undefined)
    .slice(0, SHOWN);
  const results = useQueries({
    queries: failed.map(({ imageArn, latestFailedImageVersion: imageVersion = '' }) => ({
      queryKey: ['image', imageArn, 'version', imageVersion],
      queryFn: () => call('GetMicrovmImageVersion', { imageIdentifier: imageArn, imageVersion }),
      staleTime: 60_000,
    })),
  });
  return results.flatMap(({ data }) =>
    data
      ? [
          {
            key: `${data.imageArn} ${data.imageVersion}`,
            href: `/images/${arnName(data.imageArn)}/${data.imageVersion}`,
            what: `Build of ${arnName(data.imageArn)} ${data.imageVersion}`,
            at: toTime(data.updatedAt ?? data.createdAt),
            reason: data.stateReason ?? 'The build failed.',
          },
        ]
      : [],
  );
}

function Recent({ rows, ready }: { rows: MicrovmDetail[]; ready: boolean }) {
  if (ready && rows.length === 0) {
    return (
      <Empty icon="microvms" title="No MicroVM has been run yet">
        <p>An image first, then a MicroVM from it.</p>
        <Link href="/images/new" className="button primary">
          Create image
        </Link>
      </Empty>
    );
  }
  return (
    <Panel title="Last run" actions={<Link href="/microvms">All MicroVMs</Link>}>
      {!ready && <Loading />}
      <ul className="events">
        {rows.map(({ microvmId, state, imageArn, imageVersion, startedAt }) => (
          <li key={microvmId}>
            <div className="line">
              <span>
                <Link href={`/microvms/${microvmId}`} title={microvmId}>
                  <code>{shortId(microvmId)}</code>
                </Link>{' '}
                <span className="muted">
                  {arnName(imageArn)} {imageVersion}
                </span>
              </span>
              <span className="line">
                <State value={state} />
                <span className="muted when">
                  <Time at={toTime(startedAt)} />
                </span>
              </span>
            </div>
          </li>
        ))}
      </ul>
    </Panel>
  );
}
