import { useState } from 'react';
import { call } from '../../api/call.ts';
import { useAction } from '../../api/queries.ts';
import { Copyable, CopyButton } from '../../ui/copyable.tsx';
import { Field } from '../../ui/forms.tsx';
import { Icon } from '../../ui/icons.tsx';
import { Panel } from '../../ui/page.tsx';
import { Time } from '../../ui/time.tsx';

interface AccessProps {
  microvmId: string;
  endpoint: string;
  ended: boolean;
}

/** Ways to the application: in the browser, or with a token and a program. */
export function AccessPanel({ microvmId, endpoint, ended }: AccessProps) {
  return (
    <Panel title="Endpoint">
      <div className="panel-text">
        <Copyable text={`https://${endpoint}`} label="the endpoint" />
      </div>
      {!ended && (
        <>
          <OpenForm microvmId={microvmId} />
          <TokenForm microvmId={microvmId} endpoint={endpoint} />
        </>
      )}
    </Panel>
  );
}

function OpenForm({ microvmId }: { microvmId: string }) {
  const [port, setPort] = useState('8080');
  const open = useAction(
    async () => {
      // Before anything is waited for, or the browser takes the window for one that nobody asked for.
      const page = window.open('about:blank', '_blank');
      try {
        const link = await call('CreateBrowserLink', { microvmIdentifier: microvmId, port: Number(port) });
        if (page) {
          page.opener = null;
          page.location.href = link.url;
        }
        return link;
      } catch (error) {
        page?.close();
        throw error;
      }
    },
    () => 'The application opens in a new window.',
  );
  return (
    <form
      className="inline-form"
      onSubmit={(event) => {
        event.preventDefault();
        open.mutate(undefined);
      }}
    >
      <Field name="Application's port">
        {(ids) => (
          <input
            {...ids}
            type="number"
            min={1}
            max={65535}
            required
            value={port}
            onChange={(event) => setPort(event.target.value)}
          />
        )}
      </Field>
      <button type="submit" className="button" disabled={open.isPending}>
        <Icon name="open" />
        Open in the browser
      </button>
      {open.data && <OpenedLink url={open.data.url} />}
    </form>
  );
}

function OpenedLink({ url }: { url: string }) {
  return (
    <p className="hint">
      Your browser warns unless it trusts squib's certificate authority (<code>squib trust</code>).{' '}
      <a href={url} target="_blank" rel="noreferrer">
        The link
      </a>{' '}
      works once.
    </p>
  );
}

function TokenForm({ microvmId, endpoint }: { microvmId: string; endpoint: string }) {
  const [minutes, setMinutes] = useState('30');
  const [ports, setPorts] = useState('');
  const mint = useAction(
    async () => {
      const { authToken } = await call('CreateMicrovmAuthToken', {
        microvmIdentifier: microvmId,
        expirationInMinutes: Number(minutes),
        allowedPorts: allowedPorts(ports),
      });
      return { token: authToken['X-aws-proxy-auth'] ?? '', until: Date.now() + Number(minutes) * 60_000 };
    },
    () => 'The token was made.',
  );
  const made = mint.data;
  return (
    <>
      <form
        className="inline-form"
        onSubmit={(event) => {
          event.preventDefault();
          mint.mutate(undefined);
        }}
      >
        <Field name="Auth token for ports" hint="For example 8080, 3000-3010; all if empty.">
          {(ids) => (
            <input
              {...ids}
              pattern="\s*|\d{1,5}(\s*-\s*\d{1,5})?(\s*,\s*\d{1,5}(\s*-\s*\d{1,5})?)*"
              placeholder="all"
              value={ports}
              onChange={(event) => setPorts(event.target.value)}
            />
          )}
        </Field>
        <Field name="Minutes">
          {(ids) => (
            <input
              {...ids}
              type="number"
              min={1}
              max={60}
              required
              value={minutes}
              onChange={(event) => setMinutes(event.target.value)}
            />
          )}
        </Field>
        <button type="submit" className="button" disabled={mint.isPending}>
          Make a token
        </button>
      </form>
      {made && (
        <div className="panel-text made-token">
          <p>
            Works until <Time at={made.until} />. It is shown only here.
          </p>
          <div className="snippet">
            <pre>{`curl -H "X-aws-proxy-auth: ${made.token}" https://${endpoint}/`}</pre>
            <CopyButton
              text={`curl -H "X-aws-proxy-auth: ${made.token}" https://${endpoint}/`}
              label="the command with the token"
            />
          </div>
        </div>
      )}
    </>
  );
}

type Ports =
  | { port: number }
  | { range: { startPort: number; endPort: number } }
  | { allPorts: Record<string, never> };

function allowedPorts(text: string): Ports[] {
  if (text.trim() === '') return [{ allPorts: {} }];
  return text.split(',').map((part) => {
    const [first = 0, last] = part.split('-').map(Number);
    return last === undefined ? { port: first } : { range: { startPort: first, endPort: last } };
  });
}
