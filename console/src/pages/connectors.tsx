import { type FormEvent, useState } from 'react';
import { call, type Output } from '../api/call.ts';
import { managedConnector, useAction, useConnectors } from '../api/queries.ts';
import { toTime } from '../api/wire.ts';
import { useSession } from '../session-context.ts';
import { Copyable } from '../ui/copyable.tsx';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { Confirm, Dialog, FormFooter } from '../ui/dialog.tsx';
import { Field } from '../ui/forms.tsx';
import { Icon } from '../ui/icons.tsx';
import { Empty, ErrorNote, Loading } from '../ui/notes.tsx';
import { Page, Panel } from '../ui/page.tsx';
import { State } from '../ui/state.tsx';
import { Time } from '../ui/time.tsx';

type Summary = Output<'ListNetworkConnectors'>['NetworkConnectors'][number];

const managed: [name: string, meaning: string][] = [
  ['HTTP_INGRESS', 'the endpoint reaches the application'],
  ['SHELL_INGRESS', 'a shell may be opened'],
  ['ALL_INGRESS', 'everything that comes in but the shell'],
  ['NO_INGRESS', 'nothing comes in'],
  ['INTERNET_EGRESS', 'public addresses may be reached'],
];

export function Connectors() {
  const connectors = useConnectors();
  const session = useSession();
  const [making, setMaking] = useState(false);
  const [removing, setRemoving] = useState<Summary>();
  const remove = useAction(
    ({ Arn }: Summary) => call('DeleteNetworkConnector', { Identifier: Arn }),
    (_, { Name }) => {
      void connectors.refetch();
      return `${Name} is being deleted.`;
    },
  );
  const create = (
    <button type="button" className="button primary" onClick={() => setMaking(true)}>
      <Icon name="plus" />
      Create connector
    </button>
  );
  const columns: Column<Summary>[] = [
    { name: 'Connector', cell: ({ Name }) => Name, sort: ({ Name }) => Name },
    { name: 'State', cell: ({ State: state = '' }) => <State value={state} /> },
    {
      name: 'ARN',
      cell: ({ Arn }) => <Copyable text={Arn} shown={`…:${Arn.split(':').at(-1)}`} label="the ARN" />,
      wide: true,
    },
    {
      name: 'Changed',
      cell: ({ LastModified: at }) => <Time at={at === undefined ? undefined : toTime(at)} />,
      wide: true,
    },
    {
      name: '',
      cell: (row) => (
        <button type="button" className="button small danger" onClick={() => setRemoving(row)}>
          Delete<span className="off-screen"> {row.Name}</span>
        </button>
      ),
    },
  ];
  return (
    <Page title="Connectors" actions={create}>
      {connectors.isPending && <Loading />}
      {connectors.error && <ErrorNote error={connectors.error} retry={() => void connectors.refetch()} />}
      {connectors.data?.length === 0 && (
        <Empty icon="connectors" title="No connector of your own">
          <p>A connector lets MicroVMs reach networks that the configuration of squib names.</p>
          {create}
        </Empty>
      )}
      {connectors.data && connectors.data.length > 0 && (
        <DataTable label="Connectors" columns={columns} rows={connectors.data} rowKey={({ Arn }) => Arn} />
      )}
      <div className="stack">
        <Panel title="Managed connectors">
          <DataTable
            label="Managed connectors"
            rows={managed}
            rowKey={([name]) => name}
            columns={[
              {
                name: 'Connector',
                cell: ([name]) => (
                  <Copyable
                    text={managedConnector(session, name)}
                    shown={name}
                    label={`the ARN of ${name}`}
                  />
                ),
              },
              { name: 'What it lets through', cell: ([, meaning]) => meaning, prose: true },
            ]}
          />
        </Panel>
      </div>
      {making && (
        <CreateDialog
          onClose={() => {
            setMaking(false);
            void connectors.refetch();
          }}
        />
      )}
      {removing && (
        <Confirm
          title={`Delete ${removing.Name}?`}
          action="Delete"
          onClose={() => setRemoving(undefined)}
          onConfirm={() => remove.mutate(removing)}
        >
          <p>MicroVMs that run with it keep their network until they end.</p>
        </Confirm>
      )}
    </Page>
  );
}

function CreateDialog({ onClose }: { onClose: () => void }) {
  const { accountId } = useSession();
  const [form, setForm] = useState({
    name: '',
    subnets: '',
    groups: '',
    role: `arn:aws:iam::${accountId}:role/connector`,
  });
  const set = (change: Partial<typeof form>) => setForm({ ...form, ...change });
  const create = useAction(
    () =>
      call('CreateNetworkConnector', {
        Name: form.name,
        OperatorRole: form.role,
        ClientToken: newToken(),
        Configuration: {
          VpcEgressConfiguration: {
            SubnetIds: list(form.subnets),
            SecurityGroupIds: list(form.groups),
            NetworkProtocol: 'IPv4',
            AssociatedComputeResourceTypes: ['MicroVm'],
          },
        },
      }),
    () => {
      onClose();
      return `${form.name} was created.`;
    },
    { inForm: true },
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(undefined);
  };
  return (
    <Dialog title="Create connector" onClose={onClose}>
      <form onSubmit={submit}>
        <div className="dialog-body">
          <Field name="Name">
            {(ids) => (
              <input
                {...ids}
                required
                maxLength={64}
                value={form.name}
                onChange={(event) => set({ name: event.target.value })}
              />
            )}
          </Field>
          <Field name="Subnets" hint="Ids from the setting networks, separated by commas.">
            {(ids) => (
              <input
                {...ids}
                required
                placeholder="subnet-0a1b2c3d"
                value={form.subnets}
                onChange={(event) => set({ subnets: event.target.value })}
              />
            )}
          </Field>
          <Field name="Security groups" hint="Ids from the setting securityGroups, separated by commas.">
            {(ids) => (
              <input
                {...ids}
                placeholder="sg-0a1b2c3d"
                value={form.groups}
                onChange={(event) => set({ groups: event.target.value })}
              />
            )}
          </Field>
          <Field name="Operator role" hint="ARN">
            {(ids) => (
              <input
                {...ids}
                required
                value={form.role}
                onChange={(event) => set({ role: event.target.value.trim() })}
              />
            )}
          </Field>
          {create.error && <ErrorNote error={create.error} />}
        </div>
        <FormFooter action="Create" disabled={create.isPending} onClose={onClose} />
      </form>
    </Dialog>
  );
}

const list = (text: string) => text.split(/[\s,]+/).filter((each) => each !== '');

/** Makes a call that is sent twice do its work once. */
const newToken = () =>
  [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, '0')).join('');
