import { type FormEvent, type ReactNode, useState } from 'react';
import { Link, useLocation, useSearch } from 'wouter';
import { call } from '../api/call.ts';
import { managedConnector, useAction, useConnectors, useImages, useVersions } from '../api/queries.ts';
import { arnName } from '../lib/format.ts';
import { useSession } from '../session-context.ts';
import { Check, Field, Group } from '../ui/forms.tsx';
import { Empty, ErrorNote, Loading } from '../ui/notes.tsx';
import { Page } from '../ui/page.tsx';

export function RunMicrovm() {
  const images = useImages();
  const asked = new URLSearchParams(useSearch()).get('image');
  const runnable = (images.data ?? []).filter(
    ({ latestActiveImageVersion }) => latestActiveImageVersion !== undefined,
  );
  const frame = (contents: ReactNode) => (
    <Page title="Run MicroVM" trail={<Link href="/microvms">MicroVMs</Link>}>
      {contents}
    </Page>
  );
  if (images.isPending) return frame(<Loading />);
  if (images.error) return frame(<ErrorNote error={images.error} retry={() => void images.refetch()} />);
  if (runnable.length === 0) {
    return frame(
      <Empty icon="images" title="There is no image with an active version yet">
        <Link href="/images/new" className="button primary">
          Create image
        </Link>
      </Empty>,
    );
  }
  const arns = runnable.map(({ imageArn }) => imageArn);
  const first = arns.find((arn) => arnName(arn) === asked) ?? arns[0] ?? '';
  return frame(<RunForm images={arns} first={first} />);
}

const initial = {
  version: '',
  http: true,
  shell: true,
  egress: 'INTERNET_EGRESS',
  idle: true,
  idleMinutes: '5',
  keepMinutes: '60',
  autoResume: true,
  maximumMinutes: '480',
  payload: '',
  role: '',
};

function RunForm({ images, first }: { images: string[]; first: string }) {
  const session = useSession();
  const [image, setImage] = useState(first);
  const [form, setForm] = useState(initial);
  const set = (change: Partial<typeof initial>) => setForm({ ...form, ...change });
  const [, go] = useLocation();
  const versions = useVersions(image);
  const connectors = useConnectors();
  const active = (versions.data ?? []).filter(({ status }) => status === 'ACTIVE');
  const run = useAction(
    () => {
      const {
        http,
        shell,
        egress,
        idle,
        idleMinutes,
        keepMinutes,
        autoResume,
        maximumMinutes,
        payload,
        role,
      } = form;
      const ingress = [...(http ? ['HTTP_INGRESS'] : []), ...(shell ? ['SHELL_INGRESS'] : [])];
      const arn = (name: string) => managedConnector(session, name);
      return call('RunMicrovm', {
        imageIdentifier: image,
        ...(form.version !== '' && { imageVersion: form.version }),
        ingressNetworkConnectors: (ingress.length > 0 ? ingress : ['NO_INGRESS']).map(arn),
        egressNetworkConnectors: [egress.startsWith('arn:') ? egress : arn(egress)],
        maximumDurationInSeconds: Number(maximumMinutes) * 60,
        ...(idle && {
          idlePolicy: {
            maxIdleDurationSeconds: Number(idleMinutes) * 60,
            suspendedDurationSeconds: Number(keepMinutes) * 60,
            autoResumeEnabled: autoResume,
          },
        }),
        ...(payload !== '' && { runHookPayload: payload }),
        ...(role !== '' && { executionRoleArn: role }),
      });
    },
    ({ microvmId }) => {
      go(`/microvms/${microvmId}`);
      return 'The MicroVM starts.';
    },
    { inForm: true },
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    run.mutate(undefined);
  };
  return (
    <form className="form" onSubmit={submit}>
      <Group name="Image">
        <div className="row">
          <Field name="Image">
            {(ids) => (
              <select
                {...ids}
                value={image}
                onChange={(event) => {
                  setImage(event.target.value);
                  set({ version: '' });
                }}
              >
                {images.map((arn) => (
                  <option key={arn} value={arn}>
                    {arnName(arn)}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field name="Version">
            {(ids) => (
              <select
                {...ids}
                value={form.version}
                onChange={(event) => set({ version: event.target.value })}
              >
                <option value="">latest active</option>
                {active.map(({ imageVersion }) => (
                  <option key={imageVersion}>{imageVersion}</option>
                ))}
              </select>
            )}
          </Field>
        </div>
      </Group>
      <Group name="Network">
        <Check
          name="HTTP"
          hint="the endpoint reaches the application"
          checked={form.http}
          onChange={(http) => set({ http })}
        />
        <Check
          name="Shell"
          hint="a terminal may be opened in it"
          checked={form.shell}
          onChange={(shell) => set({ shell })}
        />
        <Field name="Egress" hint="What it may reach outside.">
          {(ids) => (
            <select {...ids} value={form.egress} onChange={(event) => set({ egress: event.target.value })}>
              <option value="INTERNET_EGRESS">the internet</option>
              {(connectors.data ?? []).map(({ Arn, Name }) => (
                <option key={Arn} value={Arn}>
                  {Name}
                </option>
              ))}
            </select>
          )}
        </Field>
      </Group>
      <Group name="When nobody uses it">
        <Check
          name="Suspend it"
          hint="to disk, where it costs neither memory nor processor"
          checked={form.idle}
          onChange={(idle) => set({ idle })}
        />
        {form.idle && (
          <>
            <div className="row">
              <Minutes
                name="After, in minutes"
                value={form.idleMinutes}
                onChange={(idleMinutes) => set({ idleMinutes })}
              />
              <Minutes
                name="Keep it suspended for, in minutes"
                value={form.keepMinutes}
                onChange={(keepMinutes) => set({ keepMinutes })}
              />
            </div>
            <Check
              name="The next request resumes it"
              checked={form.autoResume}
              onChange={(autoResume) => set({ autoResume })}
            />
          </>
        )}
        <Minutes
          name="It ends at the latest after, in minutes"
          value={form.maximumMinutes}
          onChange={(maximumMinutes) => set({ maximumMinutes })}
        />
      </Group>
      <Group name="For the application">
        <Field name="Run hook payload" hint="Optional; handed to the image's /run hook.">
          {(ids) => (
            <textarea
              {...ids}
              rows={3}
              maxLength={4096}
              value={form.payload}
              onChange={(event) => set({ payload: event.target.value })}
            />
          )}
        </Field>
        <Field name="Execution role" hint="Optional; ARN of the role whose credentials it gets.">
          {(ids) => (
            <input
              {...ids}
              placeholder={`arn:aws:iam::${session.accountId}:role/…`}
              value={form.role}
              onChange={(event) => set({ role: event.target.value.trim() })}
            />
          )}
        </Field>
      </Group>
      {run.error && <ErrorNote error={run.error} />}
      <div className="form-end">
        <Link href="/microvms" className="button">
          Cancel
        </Link>
        <button type="submit" className="button primary" disabled={run.isPending}>
          {run.isPending ? 'Starting …' : 'Run'}
        </button>
      </div>
    </form>
  );
}

function Minutes({ name, value, onChange }: { name: string; value: string; onChange(value: string): void }) {
  return (
    <Field name={name}>
      {(ids) => (
        <input
          {...ids}
          type="number"
          min={1}
          max={480}
          required
          value={value}
          onChange={(event) => onChange(event.target.value)}
        />
      )}
    </Field>
  );
}
