import { Link } from 'wouter';
import { imageArnOf, useVersions } from '../../api/queries.ts';
import { useSession } from '../../session-context.ts';
import { Loading } from '../../ui/notes.tsx';
import { Page } from '../../ui/page.tsx';
import { hookFormOf } from './hook-fields.tsx';
import { ImageForm, useDefaults } from './image-form.tsx';

export function NewImage() {
  return (
    <Page title="Create image" trail={<Link href="/images">Images</Link>}>
      <ImageForm settings={useDefaults()} />
    </Page>
  );
}

/** The form of a new version begins with the settings of the newest one. */
export function NewVersion({ params: { name } }: { params: { name: string } }) {
  const imageArn = imageArnOf(useSession(), name);
  const versions = useVersions(imageArn);
  const defaults = useDefaults();
  const last = versions.data?.[0];
  const trail = (
    <>
      <Link href="/images">Images</Link> / <Link href={`/images/${name}`}>{name}</Link>
    </>
  );
  return (
    <Page title="New version" trail={trail}>
      {versions.isPending && <Loading />}
      {(versions.data || versions.error) && (
        <ImageForm
          imageArn={imageArn}
          settings={
            last
              ? {
                  baseImageArn: last.baseImageArn,
                  buildRoleArn: last.buildRoleArn,
                  description: last.description ?? '',
                  memory: last.resources?.[0]?.minimumMemoryInMiB ?? defaults.memory,
                  egress: last.egressNetworkConnectors?.find((arn) => !arn.includes(':aws:')) ?? '',
                  allCapabilities: last.additionalOsCapabilities?.includes('ALL') ?? false,
                  hooks: hookFormOf(last.hooks),
                  variables: Object.entries(last.environmentVariables ?? {}),
                }
              : defaults
          }
        />
      )}
    </Page>
  );
}
