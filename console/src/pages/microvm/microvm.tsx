import { Link, Route, Switch, useLocation } from 'wouter';
import { logGroupOf } from '../../api/logs.ts';
import { useMicrovm } from '../../api/queries.ts';
import { toTime } from '../../api/wire.ts';
import { arnName, duration } from '../../lib/format.ts';
import { Copyable } from '../../ui/copyable.tsx';
import { Icon } from '../../ui/icons.tsx';
import { LogView } from '../../ui/log-view.tsx';
import { Empty, ErrorNote, Loading } from '../../ui/notes.tsx';
import { Fact, Facts, Page, Panel } from '../../ui/page.tsx';
import { State } from '../../ui/state.tsx';
import { Time } from '../../ui/time.tsx';
import { AccessPanel } from './access.tsx';
import { MicrovmActions } from './actions.tsx';
import { Shell } from './shell.tsx';
import { Timeline } from './timeline.tsx';
import { UsagePanel } from './usage.tsx';

type Detail = NonNullable<ReturnType<typeof useMicrovm>['data']>;

export function Microvm({ params: { id } }: { params: { id: string } }) {
  const microvm = useMicrovm(id);
  const { data } = microvm;
  const trail = <Link href="/microvms">MicroVMs</Link>;
  if (!data) {
    return (
      <Page title={id} trail={trail}>
        {microvm.isPending && <Loading />}
        {microvm.error && <ErrorNote error={microvm.error} retry={() => void microvm.refetch()} />}
      </Page>
    );
  }
  return (
    <Page
      title={id}
      trail={trail}
      badge={<State value={data.state} />}
      actions={
        <>
          <MicrovmActions microvmId={id} state={data.state} />
          {takesShell(data) && data.state !== 'TERMINATED' && (
            <Link href={`/microvms/${id}/terminal`} className="button primary">
              <Icon name="terminal" />
              Connect
            </Link>
          )}
        </>
      }
    >
      <Tabs id={id} />
      <Switch>
        <Route path="/microvms/:id/terminal">
          <Terminal microvm={data} />
        </Route>
        <Route path="/microvms/:id/logs">
          <Logs microvm={data} />
        </Route>
        <Route>
          <Details microvm={data} />
        </Route>
      </Switch>
    </Page>
  );
}

function Tabs({ id }: { id: string }) {
  const [location] = useLocation();
  const tabs = [
    ['Details', `/microvms/${id}`],
    ['Terminal', `/microvms/${id}/terminal`],
    ['Logs', `/microvms/${id}/logs`],
  ] as const;
  return (
    <nav className="tabs" aria-label="Of this MicroVM">
      {tabs.map(([name, path]) => (
        <Link key={name} href={path} aria-current={location === path ? 'page' : undefined}>
          {name}
        </Link>
      ))}
    </nav>
  );
}

function Details({ microvm }: { microvm: Detail }) {
  const ended = microvm.state === 'TERMINATED';
  return (
    <div className="columns">
      <div>
        <FactsPanel microvm={microvm} />
        <UsagePanel microvmId={microvm.microvmId} ended={ended} />
        <AccessPanel microvmId={microvm.microvmId} endpoint={microvm.endpoint} ended={ended} />
      </div>
      <Timeline resource={microvm.microvmId} />
    </div>
  );
}

function FactsPanel({ microvm }: { microvm: Detail }) {
  const { imageArn, imageVersion, idlePolicy, executionRoleArn, stateReason, terminatedAt } = microvm;
  const name = arnName(imageArn);
  return (
    <Panel title="Details">
      {stateReason !== undefined && <p className="panel-text reason-line">{stateReason}</p>}
      <Facts>
        <Fact name="Image">
          <Link href={`/images/${name}`}>{name}</Link> <span className="muted">{imageVersion}</span>
        </Fact>
        <Fact name="Started">
          <Time at={toTime(microvm.startedAt)} />
        </Fact>
        {terminatedAt === undefined ? (
          <Fact name="Ends at the latest">
            <Time at={toTime(microvm.startedAt) + microvm.maximumDurationInSeconds * 1000} />
          </Fact>
        ) : (
          <Fact name="Ended">
            <Time at={toTime(terminatedAt)} />
          </Fact>
        )}
        <Fact name="Idle policy">{idlePolicy ? <IdlePolicy policy={idlePolicy} /> : 'none'}</Fact>
        <Fact name="Ingress">{connectorNames(microvm.ingressNetworkConnectors)}</Fact>
        <Fact name="Egress">{connectorNames(microvm.egressNetworkConnectors)}</Fact>
        <Fact name="Execution role">
          {executionRoleArn === undefined ? 'none' : <Copyable text={executionRoleArn} />}
        </Fact>
      </Facts>
    </Panel>
  );
}

function IdlePolicy({ policy }: { policy: NonNullable<Detail['idlePolicy']> }) {
  const { maxIdleDurationSeconds, suspendedDurationSeconds, autoResumeEnabled } = policy;
  return (
    <>
      suspended after {duration(maxIdleDurationSeconds)}, kept {duration(suspendedDurationSeconds)},{' '}
      {autoResumeEnabled ? 'resumed by the next request' : 'resumed by hand'}
    </>
  );
}

const takesShell = ({ ingressNetworkConnectors }: Detail) =>
  ingressNetworkConnectors?.some((arn) => arn.endsWith(':SHELL_INGRESS')) ?? false;

const connectorNames = (arns: string[] | undefined) => arns?.map(arnName).join(', ') || 'none';

function Logs({ microvm: { imageArn, microvmId, state } }: { microvm: Detail }) {
  return (
    <section className="panel" aria-label="Logs">
      <LogView
        label="Logs of this MicroVM"
        group={logGroupOf(arnName(imageArn))}
        matches={(name) => name.endsWith(`]${microvmId}`)}
        live={state !== 'TERMINATED'}
        empty="It has written nothing yet: what its processes write to standard output and standard error appears here."
      />
    </section>
  );
}

function Terminal({ microvm }: { microvm: Detail }) {
  if (microvm.state === 'TERMINATED') {
    return <Empty icon="terminal" title="It has ended: there is nothing to connect to" />;
  }
  if (!takesShell(microvm)) {
    return (
      <Empty icon="terminal" title="This MicroVM takes no shell">
        <p>
          Connectors are fixed when a MicroVM is run. <Link href="/microvms/run">Run one</Link> with “Shell”
          among its ingress connectors.
        </p>
      </Empty>
    );
  }
  return <Shell microvmId={microvm.microvmId} endpoint={microvm.endpoint} />;
}
