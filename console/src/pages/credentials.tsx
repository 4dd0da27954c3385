import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { call, type Output } from '../api/call.ts';
import { useAction } from '../api/queries.ts';
import { toTime } from '../api/wire.ts';
import { JsonField } from '../ui/code-field.tsx';
import { Copyable } from '../ui/copyable.tsx';
import { type Column, DataTable } from '../ui/data-table.tsx';
import { Confirm, Dialog, FormFooter } from '../ui/dialog.tsx';
import { Field } from '../ui/forms.tsx';
import { Icon } from '../ui/icons.tsx';
import { Empty, ErrorNote, Loading } from '../ui/notes.tsx';
import { Page } from '../ui/page.tsx';
import { Time } from '../ui/time.tsx';

type Credential = Output<'ListCredentials'>['items'][number];

export function Credentials() {
  const credentials = useQuery({
    queryKey: ['credentials'],
    queryFn: async ({ signal }) => (await call('ListCredentials', {}, signal)).items,
    refetchInterval: 15_000,
  });
  const [making, setMaking] = useState(false);
  const [shown, setShown] = useState<Credential>();
  const create = (
    <button type="button" className="button primary" onClick={() => setMaking(true)}>
      <Icon name="plus" />
      Create credential
    </button>
  );
  const columns: Column<Credential>[] = [
    {
      name: 'User',
      cell: (row) => (
        <button type="button" className="link" onClick={() => setShown(row)}>
          {row.userName}
        </button>
      ),
      sort: ({ userName }) => userName,
    },
    {
      name: 'Access key',
      cell: ({ accessKeyId }) => <Copyable text={accessKeyId} label="the access key id" />,
    },
    {
      name: 'Enabled',
      cell: ({ enabled }) =>
        enabled ? <span className="state good">yes</span> : <span className="state off">no</span>,
    },
    {
      name: 'Created',
      cell: ({ createdAt }) => <Time at={toTime(createdAt)} />,
      sort: ({ createdAt }) => toTime(createdAt),
      wide: true,
    },
    {
      name: 'Expires',
      cell: ({ expiresAt }) =>
        expiresAt === undefined ? <span className="muted">never</span> : <Time at={toTime(expiresAt)} />,
      wide: true,
    },
  ];
  const done = () => {
    setMaking(false);
    setShown(undefined);
    void credentials.refetch();
  };
  return (
    <Page title="Credentials" actions={create}>
      {credentials.isPending && <Loading />}
      {credentials.error && <ErrorNote error={credentials.error} retry={() => void credentials.refetch()} />}
      {credentials.data?.length === 0 && (
        <Empty icon="credentials" title="Only the root has a key">
          <p>Give each person and program a key of its own, with a policy that says what it may do.</p>
          {create}
        </Empty>
      )}
      {credentials.data && credentials.data.length > 0 && (
        <DataTable
          label="Credentials"
          columns={columns}
          rows={credentials.data}
          rowKey={({ userName }) => userName}
        />
      )}
      {making && <CreateDialog onClose={done} />}
      {shown && <CredentialDialog credential={shown} onClose={done} />}
    </Page>
  );
}

function CredentialDialog({ credential, onClose }: { credential: Credential; onClose: () => void }) {
  const { userName, enabled } = credential;
  const [policyDocument, setPolicy] = useState(pretty(credential.policyDocument));
  const [asking, setAsking] = useState(false);
  const save = useAction(
    (change: { policyDocument?: string; enabled?: boolean }) =>
      call('UpdateCredential', { userName, ...change }),
    () => {
      onClose();
      return `${userName} was changed; it holds from the next request on.`;
    },
    { inForm: true },
  );
  const remove = useAction(
    () => call('DeleteCredential', { userName }),
    () => {
      onClose();
      return `${userName} was deleted.`;
    },
  );
  if (asking) {
    return (
      <Confirm
        title={`Delete ${userName}?`}
        action="Delete"
        onClose={() => setAsking(false)}
        onConfirm={() => remove.mutate(undefined)}
      >
        <p>Its key stops working with the next request, and sessions that it opened end.</p>
      </Confirm>
    );
  }
  return (
    <Dialog title={userName} onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          save.mutate({ policyDocument });
        }}
      >
        <div className="dialog-body">
          <JsonField name="Policy" value={policyDocument} onChange={setPolicy} rows={14} />
          {save.error && <ErrorNote error={save.error} />}
        </div>
        <footer>
          <button type="button" className="button danger" onClick={() => setAsking(true)}>
            Delete
          </button>
          <button type="button" className="button" onClick={() => save.mutate({ enabled: !enabled })}>
            {enabled ? 'Disable' : 'Enable'}
          </button>
          <button type="submit" className="button primary" disabled={save.isPending}>
            Save
          </button>
        </footer>
      </form>
    </Dialog>
  );
}

function pretty(json: string): string {
  return JSON.stringify(JSON.parse(json), null, 2);
}

const example = pretty(
  '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["lambda:*","squib:CreateConsoleLink"],"Resource":"*"}]}',
);

function CreateDialog({ onClose }: { onClose: () => void }) {
  const [userName, setUserName] = useState('');
  const [policyDocument, setPolicy] = useState(example);
  const [days, setDays] = useState('');
  const create = useAction(
    () =>
      call('CreateCredential', {
        ...{ userName, policyDocument },
        ...(days !== '' && { expiresAt: new Date(Date.now() + Number(days) * 86_400_000).toISOString() }),
      }),
    () => undefined,
    { inForm: true },
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    create.mutate(undefined);
  };
  if (create.data) return <MadeDialog made={create.data} onClose={onClose} />;
  return (
    <Dialog title="Create credential" onClose={onClose}>
      <form onSubmit={submit}>
        <div className="dialog-body">
          <Field name="User name">
            {(ids) => (
              <input
                {...ids}
                required
                maxLength={64}
                pattern="[\w+=,.@\-]+"
                value={userName}
                onChange={(event) => setUserName(event.target.value)}
              />
            )}
          </Field>
          <Field name="Expires after days" hint="Never if empty.">
            {(ids) => (
              <input
                {...ids}
                type="number"
                min={1}
                max={3650}
                value={days}
                onChange={(event) => setDays(event.target.value)}
              />
            )}
          </Field>
          <JsonField
            name="Policy"
            hint="What the key may do, as an IAM policy."
            value={policyDocument}
            onChange={setPolicy}
          />
          {create.error && <ErrorNote error={create.error} />}
        </div>
        <FormFooter action="Create" disabled={create.isPending} onClose={onClose} />
      </form>
    </Dialog>
  );
}

function MadeDialog({ made, onClose }: { made: Output<'CreateCredential'>; onClose: () => void }) {
  return (
    <Dialog title={`The key of ${made.userName}`} onClose={onClose}>
      <div className="dialog-body">
        <p>The secret is shown now and never again.</p>
        <Field name="Access key id">
          {(ids) => (
            <output {...ids}>
              <Copyable text={made.accessKeyId} label="the access key id" />
            </output>
          )}
        </Field>
        <Field name="Secret access key">
          {(ids) => (
            <output {...ids}>
              <Copyable text={made.secretAccessKey} label="the secret access key" />
            </output>
          )}
        </Field>
      </div>
      <footer>
        <button type="button" className="button primary" onClick={onClose}>
          Done
        </button>
      </footer>
    </Dialog>
  );
}
