import { useState } from 'react';
import { useLocation } from 'wouter';
import { call } from '../../api/call.ts';
import { useAction } from '../../api/queries.ts';
import { plural } from '../../lib/format.ts';
import { Confirm, Dialog, FormFooter } from '../../ui/dialog.tsx';
import { Field } from '../../ui/forms.tsx';
import { ForkedList } from './forked-list.tsx';

interface ActionsProps {
  microvmId: string;
  state: string;
}

/** What can be done with a MicroVM in the state that it is in. */
export function MicrovmActions({ microvmId, state }: ActionsProps) {
  const microvmIdentifier = microvmId;
  const [open, setOpen] = useState<'terminate' | 'fork'>();
  const suspend = useAction(
    () => call('SuspendMicrovm', { microvmIdentifier }),
    () => 'It is being suspended.',
  );
  const resume = useAction(
    () => call('ResumeMicrovm', { microvmIdentifier }),
    () => 'It is being resumed.',
  );
  const terminate = useAction(
    () => call('TerminateMicrovm', { microvmIdentifier }),
    () => 'It is being terminated.',
  );
  if (state === 'TERMINATED') return null;
  return (
    <>
      {state === 'SUSPENDED' ? (
        <button
          type="button"
          className="button"
          disabled={resume.isPending}
          onClick={() => resume.mutate(undefined)}
        >
          Resume
        </button>
      ) : (
        <button
          type="button"
          className="button"
          disabled={state !== 'RUNNING' || suspend.isPending}
          onClick={() => suspend.mutate(undefined)}
        >
          Suspend
        </button>
      )}
      <button type="button" className="button" disabled={state !== 'RUNNING'} onClick={() => setOpen('fork')}>
        Fork
      </button>
      <button
        type="button"
        className="button danger"
        disabled={state === 'TERMINATING'}
        onClick={() => setOpen('terminate')}
      >
        Terminate
      </button>
      {open === 'fork' && <ForkDialog microvmId={microvmId} onClose={() => setOpen(undefined)} />}
      {open === 'terminate' && (
        <Confirm
          title="Terminate this MicroVM?"
          action="Terminate"
          onClose={() => setOpen(undefined)}
          onConfirm={() => terminate.mutate(undefined)}
        >
          <p>Its memory and disk are removed. This cannot be undone.</p>
        </Confirm>
      )}
    </>
  );
}

function ForkDialog({ microvmId, onClose }: { microvmId: string; onClose: () => void }) {
  const [count, setCount] = useState('1');
  const [payload, setPayload] = useState('');
  const [, go] = useLocation();
  const fork = useAction(
    async () => {
      const { items } = await call('ForkMicrovm', {
        microvmIdentifier: microvmId,
        count: Number(count),
        ...(payload !== '' && { runHookPayload: payload }),
      });
      if (items.length === 1 && items[0]) {
        onClose();
        go(`/microvms/${items[0].microvmId}`);
      }
      return items;
    },
    (items) => `${plural(items.length, 'copy', 'copies')} made.`,
  );
  const made = fork.data;
  return (
    <Dialog title="Fork this MicroVM" onClose={onClose}>
      {made ? (
        <ForkedList items={made} onClose={onClose} />
      ) : (
        <form
          onSubmit={(event) => {
            event.preventDefault();
            fork.mutate(undefined);
          }}
        >
          <div className="dialog-body">
            <p>
              Copies go on from where it is now, with its memory and disk, each with an id, an endpoint and
              randomness of its own.
            </p>
            <Field name="Copies" hint="1 to 100">
              {(ids) => (
                <input
                  {...ids}
                  type="number"
                  min={1}
                  max={100}
                  required
                  value={count}
                  onChange={(event) => setCount(event.target.value)}
                />
              )}
            </Field>
            <Field name="Run hook payload" hint="Optional; handed to the /run hook of each copy.">
              {(ids) => (
                <textarea
                  {...ids}
                  rows={3}
                  maxLength={4096}
                  value={payload}
                  onChange={(event) => setPayload(event.target.value)}
                />
              )}
            </Field>
          </div>
          <FormFooter
            action={fork.isPending ? 'Forking …' : 'Fork'}
            disabled={fork.isPending}
            onClose={onClose}
          />
        </form>
      )}
    </Dialog>
  );
}
