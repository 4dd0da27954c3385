import { useState } from 'react';
import { Link, useLocation } from 'wouter';
import { call, type Output } from '../../api/call.ts';
import { logGroupOf } from '../../api/logs.ts';
import { imageArnOf, useAction, useBuilds, useVersions, type VersionSummary } from '../../api/queries.ts';
import { toTime } from '../../api/wire.ts';
import { arnName, bytes, mib } from '../../lib/format.ts';
import { useSession } from '../../session-context.ts';
import { Copyable } from '../../ui/copyable.tsx';
import { Confirm } from '../../ui/dialog.tsx';
import { LogView } from '../../ui/log-view.tsx';
import { ErrorNote, Loading } from '../../ui/notes.tsx';
import { Fact, Facts, Page, Panel } from '../../ui/page.tsx';
import { isBusy, State } from '../../ui/state.tsx';
import { Time } from '../../ui/time.tsx';
import { hookFormOf } from './hook-fields.tsx';

export function Version({ params: { name, version } }: { params: { name: string; version: string } }) {
  const imageArn = imageArnOf(useSession(), name);
  const versions = useVersions(imageArn);
  const found = versions.data?.find(({ imageVersion }) => imageVersion === version);
  const trail = (
    <>
      <Link href="/images">Images</Link> / <Link href={`/images/${name}`}>{name}</Link>
    </>
  );
  return (
    <Page
      title={`${name} ${version}`}
      trail={trail}
      badge={found && <State value={found.state} />}
      actions={found && <VersionActions name={name} imageArn={imageArn} version={found} />}
    >
      {versions.isPending && <Loading />}
      {versions.error && <ErrorNote error={versions.error} retry={() => void versions.refetch()} />}
      {versions.data && !found && <p>There is no such version.</p>}
      {found && <Contents name={name} imageArn={imageArn} version={found} />}
    </Page>
  );
}

interface OfVersion {
  name: string;
  imageArn: string;
  version: VersionSummary;
}

function Contents({ name, imageArn, version }: OfVersion) {
  const builds = useBuilds(imageArn, version.imageVersion);
  const [build] = builds.data ?? [];
  const building = isBusy(version.state);
  const reason = version.stateReason ?? build?.stateReason;
  return (
    <>
      {version.state === 'FAILED' && (
        <div className="note bad" role="alert">
          <div>
            <p>
              <strong>{reason ?? 'The build failed.'}</strong> The log says more.
            </p>
          </div>
        </div>
      )}
      <div className="stack">
        <Panel title="Build log" actions={building && <State value="IN_PROGRESS" />}>
          <LogView
            label="Build log"
            group={logGroupOf(name)}
            matches={(stream) => stream.includes(`[${version.imageVersion}]build-`)}
            live={building}
            empty={building ? 'The build waits for its turn.' : 'Nothing was written.'}
          />
        </Panel>
        {build && <BuildPanel build={build} count={builds.data?.length ?? 0} />}
        <SettingsPanel version={version} />
      </div>
    </>
  );
}

function BuildPanel({ build, count }: { build: Output<'GetMicrovmImageBuild'>; count: number }) {
  const { snapshotBuild: sizes } = build;
  const size = (value: number | undefined) => (value === undefined ? '–' : bytes(value));
  return (
    <Panel title="Build" actions={count > 1 && <span className="muted">the last of {count}</span>}>
      <Facts>
        <Fact name="State">
          <State value={build.buildState} />
        </Fact>
        <Fact name="Started">
          <Time at={toTime(build.createdAt)} />
        </Fact>
        <Fact name="Memory snapshot">{size(sizes?.memorySnapshotSizeInBytes)}</Fact>
        <Fact name="Disk snapshot">{size(sizes?.diskSnapshotSizeInBytes)}</Fact>
        <Fact name="Installed code">{size(sizes?.codeInstallSizeInBytes)}</Fact>
        <Fact name="Id">
          <Copyable text={build.buildId} label="the build's id" />
        </Fact>
      </Facts>
    </Panel>
  );
}

function SettingsPanel({ version }: { version: VersionSummary }) {
  const hooks = hookFormOf(version.hooks);
  const called = Object.entries(hooks.on).map(([name, seconds]) => `/${name} (${seconds} s)`);
  const variables = Object.entries(version.environmentVariables ?? {});
  return (
    <Panel title="Settings">
      <Facts>
        <Fact name="Memory">{mib(version.resources?.[0]?.minimumMemoryInMiB ?? 0)}</Fact>
        <Fact name="Base image">
          {arnName(version.baseImageArn)} <span className="muted">{version.baseImageVersion}</span>
        </Fact>
        <Fact name="Hooks">
          {called.length === 0 ? 'none' : `${called.join(', ')} on port ${hooks.port}`}
        </Fact>
        <Fact name="Egress">{version.egressNetworkConnectors?.map(arnName).join(', ') ?? 'none'}</Fact>
        <Fact name="Linux capabilities">
          {version.additionalOsCapabilities?.join(', ') ?? 'the default set'}
        </Fact>
        <Fact name="Build role">
          <Copyable text={version.buildRoleArn} label="the build role" />
        </Fact>
        <Fact name="Code">
          <Copyable text={version.codeArtifact.uri} label="the code's address" />
        </Fact>
        <Fact name="Environment variables">
          {variables.length === 0
            ? 'none'
            : variables.map(([name, value]) => (
                <code key={name} className="variable">
                  {name}={value}
                </code>
              ))}
        </Fact>
      </Facts>
    </Panel>
  );
}

function VersionActions({ name, imageArn, version }: OfVersion) {
  const { imageVersion, status, state } = version;
  const [asking, setAsking] = useState(false);
  const [, go] = useLocation();
  const id = { imageIdentifier: imageArn, imageVersion };
  const turn = useAction(
    (next: 'ACTIVE' | 'INACTIVE') => call('UpdateMicrovmImageVersion', { ...id, status: next }),
    (_, next) => (next === 'ACTIVE' ? 'It can be run again.' : 'It can no longer be run.'),
  );
  const remove = useAction(
    () => call('DeleteMicrovmImageVersion', id),
    () => {
      go(`/images/${name}`);
      return `Version ${imageVersion} is being deleted.`;
    },
  );
  return (
    <>
      <button
        type="button"
        className="button danger"
        disabled={isBusy(state)}
        onClick={() => setAsking(true)}
      >
        Delete
      </button>
      {state === 'SUCCESSFUL' && (
        <button
          type="button"
          className="button"
          disabled={turn.isPending}
          onClick={() => turn.mutate(status === 'ACTIVE' ? 'INACTIVE' : 'ACTIVE')}
        >
          {status === 'ACTIVE' ? 'Deactivate' : 'Activate'}
        </button>
      )}
      <Link href={`/images/${name}/new-version`} className="button">
        New version
      </Link>
      {status === 'ACTIVE' && state === 'SUCCESSFUL' && (
        <Link href={`/microvms/run?image=${name}`} className="button primary">
          Run
        </Link>
      )}
      {asking && (
        <Confirm
          title={`Delete version ${imageVersion}?`}
          action="Delete"
          onClose={() => setAsking(false)}
          onConfirm={() => remove.mutate(undefined)}
        >
          <p>Its snapshot is removed. This cannot be undone.</p>
        </Confirm>
      )}
    </>
  );
}
