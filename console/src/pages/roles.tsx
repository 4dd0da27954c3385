import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { createRole, deleteRole, listRoles, type Role, rolePolicies } from '../api/iam.ts';
import { useAction } from '../api/queries.ts';
import { JsonField } from '../ui/code-field.tsx';
import { Copyable } from '../ui/copyable.tsx';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { Confirm, Dialog, FormFooter } from '../ui/dialog.tsx';
import { Field } from '../ui/forms.tsx';
import { Icon } from '../ui/icons.tsx';
import { Empty, ErrorNote, Loading } from '../ui/notes.tsx';
import { Page } from '../ui/page.tsx';
import { Time } from '../ui/time.tsx';

export function Roles() {
  const roles = useQuery({ queryKey: ['roles'], queryFn: listRoles, refetchInterval: 15_000 });
  const [making, setMaking] = useState(false);
  const [shown, setShown] = useState<Role>();
  const create = (
    <button type="button" className="button primary" onClick={() => setMaking(true)}>
      <Icon name="plus" />
      Create role
    </button>
  );
  const columns: Column<Role>[] = [
    {
      name: 'Role',
      cell: (role) => (
        <button type="button" className="link" onClick={() => setShown(role)}>
          {role.name}
        </button>
      ),
      sort: ({ name }) => name,
    },
    { name: 'ARN', cell: ({ arn }) => <Copyable text={arn} label="the ARN" /> },
    { name: 'Description', cell: ({ description }) => description, prose: true, wide: true },
    {
      name: 'Created',
      cell: ({ createdAt }) => <Time at={createdAt} />,
      sort: ({ createdAt }) => createdAt,
      wide: true,
    },
  ];
  const done = () => {
    setMaking(false);
    setShown(undefined);
    void roles.refetch();
  };
  return (
    <Page title="Roles" actions={create}>
      {roles.isPending && <Loading />}
      {roles.error && <ErrorNote error={roles.error} retry={() => void roles.refetch()} />}
      {roles.data?.length === 0 && (
        <Empty icon="roles" title="There is no role">
          <p>
            Builds and MicroVMs may name any role: one that squib does not have may do everything that squib
            lets it. Make a role to limit what they may do.
          </p>
          {create}
        </Empty>
      )}
      {roles.data && roles.data.length > 0 && (
        <DataTable label="Roles" columns={columns} rows={roles.data} rowKey={({ arn }) => arn} />
      )}
      {making && <CreateDialog onClose={done} />}
      {shown && <RoleDialog role={shown} onClose={done} />}
    </Page>
  );
}

function RoleDialog({ role, onClose }: { role: Role; onClose: () => void }) {
  const policies = useQuery({ queryKey: ['roles', role.name], queryFn: () => rolePolicies(role.name) });
  const [asking, setAsking] = useState(false);
  const remove = useAction(
    () => deleteRole(role.name),
    () => {
      onClose();
      return `${role.name} was deleted.`;
    },
  );
  if (asking) {
    return (
      <Confirm
        title={`Delete ${role.name}?`}
        action="Delete"
        onClose={() => setAsking(false)}
        onConfirm={() => remove.mutate(undefined)}
      >
        <p>
          What still names it is then held to no policy: squib takes a role that it does not have for an
          unlimited one.
        </p>
      </Confirm>
    );
  }
  return (
    <Dialog title={role.name} onClose={onClose}>
      <div className="dialog-body">
        <h3>May be taken on by</h3>
        <pre className="json">{role.trustPolicy}</pre>
        {policies.error && <ErrorNote error={policies.error} />}
        {policies.data?.length === 0 && <p className="muted">It has no policy, so it may do nothing.</p>}
        {policies.data?.map(({ name, document }) => (
          <div key={name}>
            <h3>{document === undefined ? 'Attached policy' : `May (${name})`}</h3>
            <pre className="json">{document ?? name}</pre>
          </div>
        ))}
      </div>
      <footer>
        <button type="button" className="button danger" onClick={() => setAsking(true)}>
          Delete
        </button>
        <button type="button" className="button" onClick={onClose}>
          Close
        </button>
      </footer>
    </Dialog>
  );
}

const example = JSON.stringify(
  {
    Version: '2012-10-17',
    Statement: [{ Effect: 'Allow', Action: ['s3:GetObject', 'logs:*'], Resource: '*' }],
  },
  null,
  2,
);

function CreateDialog({ onClose }: { onClose: () => void }) {
  const [name, setName] = useState('');
  const [policy, setPolicy] = useState(example);
  const create = useAction(
    () => createRole(name, policy),
    () => {
      onClose();
      return `${name} was created.`;
    },
    { inForm: true },
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(undefined);
  };
  return (
    <Dialog title="Create role" onClose={onClose}>
      <form onSubmit={submit}>
        <div className="dialog-body">
          <p className="muted">For builds and MicroVMs: Lambda may take it on.</p>
          <Field name="Name">
            {(ids) => (
              <input
                {...ids}
                required
                maxLength={64}
                pattern="[\w+=,.@\-]+"
                value={name}
                onChange={(event) => setName(event.target.value)}
              />
            )}
          </Field>
          <JsonField
            name="Policy"
            hint="What it may do, as an IAM policy."
            value={policy}
            onChange={setPolicy}
          />
          {create.error && <ErrorNote error={create.error} />}
        </div>
        <FormFooter action="Create" disabled={create.isPending} onClose={onClose} />
      </form>
    </Dialog>
  );
}
