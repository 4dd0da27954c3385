import { useQuery } from '@tanstack/react-query';
import { type FormEvent, useState } from 'react';
import { Link, useLocation } from 'wouter';
import { call } from '../../api/call.ts';
import { useAction, useConnectors } from '../../api/queries.ts';
import { uploadArtifact } from '../../api/uploads.ts';
import { arnName, mib } from '../../lib/format.ts';
import { type Artifact, toZip } from '../../lib/zip.ts';
import { useSession } from '../../session-context.ts';
import { Check, Field, Group } from '../../ui/forms.tsx';
import { ErrorNote } from '../../ui/notes.tsx';
import { DropZone } from './drop-zone.tsx';
import { HookFields, type HookForm, hooksOf, noHooks } from './hook-fields.tsx';
import { VariableFields } from './variable-fields.tsx';

/** Sizes of AWS's managed base images, in MiB of baseline memory. */
const SIZES = [512, 1024, 2048, 4096, 8192];

/** What a version is made with; the version before fills it in. */
export interface ImageSettings {
  baseImageArn: string;
  buildRoleArn: string;
  description: string;
  memory: number;
  egress: string;
  allCapabilities: boolean;
  hooks: HookForm;
  variables: [name: string, value: string][];
}

export function useDefaults(): ImageSettings {
  const { arn, accountId, region } = useSession();
  const partition = arn.split(':')[1];
  return {
    baseImageArn: `arn:${partition}:lambda:${region}:aws:microvm-image:al2023-1`,
    buildRoleArn: `arn:${partition}:iam::${accountId}:role/build`,
    ...{ description: '', memory: 2048, egress: '', allCapabilities: false, hooks: noHooks, variables: [] },
  };
}

interface ImageFormProps {
  /** Of the image that gets a new version; without it an image is made. */
  imageArn?: string;
  settings: ImageSettings;
}

/** Makes an image, or a new version of one, from what is dropped. */
export function ImageForm({ imageArn, settings }: ImageFormProps) {
  const [name, setName] = useState('');
  const [artifact, setArtifact] = useState<Artifact>();
  const [form, setForm] = useState(settings);
  const set = (change: Partial<ImageSettings>) => setForm({ ...form, ...change });
  const [step, setStep] = useState('');
  const [, go] = useLocation();
  const imageName = imageArn === undefined ? name : arnName(imageArn);
  const bases = useQuery({
    queryKey: ['managed-images'],
    queryFn: async ({ signal }) => (await call('ListManagedMicrovmImages', {}, signal)).items,
  });
  const connectors = useConnectors();
  const create = useAction(
    async (from: Artifact) => {
      setStep('Packing …');
      const zip = await toZip(from);
      setStep('Uploading …');
      const uri = await uploadArtifact(imageName, zip);
      setStep('Starting the build …');
      const input = { ...inputOf(form), codeArtifact: { uri } };
      return imageArn === undefined
        ? call('CreateMicrovmImage', { ...input, name })
        : call('UpdateMicrovmImage', { ...input, imageIdentifier: imageArn });
    },
    ({ imageVersion }) => {
      go(`/images/${imageName}/${imageVersion}`);
      return 'The build has started.';
    },
    { inForm: true },
  );
  const submit = (event: FormEvent) => {
    event.preventDefault();
    if (artifact) create.mutate(artifact);
  };
  return (
    <form className="form" onSubmit={submit}>
      <Group name="Code">
        <DropZone
          artifact={artifact}
          onArtifact={(taken) => {
            setArtifact(taken);
            if (name === '') setName(nameFrom(taken.name));
          }}
        />
        {imageArn === undefined && (
          <Field name="Name" hint="Letters, digits, hyphens and underscores.">
            {(ids) => (
              <input
                {...ids}
                required
                maxLength={64}
                pattern="[a-zA-Z0-9_\-]+"
                value={name}
                onChange={(event) => setName(event.target.value)}
              />
            )}
          </Field>
        )}
        <Field name="Description">
          {(ids) => (
            <input
              {...ids}
              value={form.description}
              onChange={(event) => set({ description: event.target.value })}
            />
          )}
        </Field>
      </Group>
      <Group name="Machine">
        <div className="row">
          <Field name="Memory" hint="The baseline; a MicroVM may use up to four times as much.">
            {(ids) => (
              <select
                {...ids}
                value={form.memory}
                onChange={(event) => set({ memory: Number(event.target.value) })}
              >
                {SIZES.map((size) => (
                  <option key={size} value={size}>
                    {mib(size)}
                  </option>
                ))}
              </select>
            )}
          </Field>
          <Field name="Base image">
            {(ids) => (
              <select
                {...ids}
                value={form.baseImageArn}
                onChange={(event) => set({ baseImageArn: event.target.value })}
              >
                {(bases.data ?? [{ imageArn: form.baseImageArn }]).map(({ imageArn: arn }) => (
                  <option key={arn} value={arn}>
                    {arnName(arn)}
                  </option>
                ))}
              </select>
            )}
          </Field>
        </div>
        <div className="row">
          <Field name="Build role" hint="ARN; needs no more than reading the code and writing logs.">
            {(ids) => (
              <input
                {...ids}
                required
                value={form.buildRoleArn}
                onChange={(event) => set({ buildRoleArn: event.target.value.trim() })}
              />
            )}
          </Field>
          <Field name="Egress" hint="Of the build, and of MicroVMs that name none.">
            {(ids) => (
              <select {...ids} value={form.egress} onChange={(event) => set({ egress: event.target.value })}>
                <option value="">the internet</option>
                {(connectors.data ?? []).map(({ Arn, Name }) => (
                  <option key={Arn} value={Arn}>
                    {Name}
                  </option>
                ))}
              </select>
            )}
          </Field>
        </div>
        <Check
          name="All Linux capabilities"
          hint="for containers in the MicroVM, mounts, other kernels' tools"
          checked={form.allCapabilities}
          onChange={(allCapabilities) => set({ allCapabilities })}
        />
      </Group>
      <HookFields hooks={form.hooks} onChange={(hooks) => set({ hooks })} />
      <VariableFields variables={form.variables} onChange={(variables) => set({ variables })} />
      {create.error && <ErrorNote error={create.error} />}
      <div className="form-end">
        <Link href={imageArn === undefined ? '/images' : `/images/${imageName}`} className="button">
          Cancel
        </Link>
        <button type="submit" className="button primary" disabled={!artifact || create.isPending}>
          {create.isPending ? step : imageArn === undefined ? 'Create image' : 'Create version'}
        </button>
      </div>
    </form>
  );
}

const nameFrom = (file: string) =>
  file
    .replace(/\.zip$/i, '')
    .replaceAll(/[^\w-]+/g, '-')
    .slice(0, 64);

/** Members of CreateMicrovmImage and UpdateMicrovmImage. */
function inputOf({ hooks, variables, ...form }: ImageSettings) {
  const environmentVariables = Object.fromEntries(variables.filter(([name]) => name !== ''));
  const hookSettings = hooksOf(hooks);
  return {
    baseImageArn: form.baseImageArn,
    buildRoleArn: form.buildRoleArn,
    resources: [{ minimumMemoryInMiB: form.memory }],
    ...(form.description !== '' && { description: form.description }),
    ...(form.egress !== '' && { egressNetworkConnectors: [form.egress] }),
    ...(form.allCapabilities && { additionalOsCapabilities: ['ALL' as const] }),
    ...(hookSettings && { hooks: hookSettings }),
    ...(Object.keys(environmentVariables).length > 0 && { environmentVariables }),
  };
}
