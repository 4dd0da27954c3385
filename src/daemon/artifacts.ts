import { ExternalS3 } from '../aws/client/external-s3.ts';
import type { Config } from '../config/config.ts';
import { NoSuchBucket } from '../store/object-errors.ts';
import type { ObjectSource } from '../store/object-types.ts';

/** Where the code artifacts of a build come from. */
export interface ArtifactSources {
  of(buildRoleArn: string): ObjectSource;
  close(): void;
}

/**
 * Artifacts come from the S3 that keeps all buckets; with the setting `artifacts`, those of buckets that are not there
 * come from a service beside it. A service outside of squib is asked with the build role's keys, where the setting
 * `roles` has some.
 * @param keeper keeps all buckets instead of squib
 */
export function artifactSources(
  config: Pick<Config, 'artifacts' | 'roles' | 'region'>,
  own: ObjectSource,
  keeper: ExternalS3 | undefined,
): ArtifactSources {
  const beside =
    config.artifacts.endpoint === '' ? undefined : new ExternalS3(config.artifacts, config.region);
  return {
    of(buildRoleArn) {
      const keys = config.roles[buildRoleArn]?.credentialsFile;
      const inName = (service: ExternalS3) => (keys === undefined ? service : service.as(keys));
      const first = keeper ? inName(keeper) : own;
      if (!beside) return first;
      return {
        async openObject(bucket, key) {
          try {
            return await first.openObject(bucket, key);
          } catch (error) {
            if (!(error instanceof NoSuchBucket)) throw error;
            return inName(beside).openObject(bucket, key);
          }
        },
      };
    },
    close: () => beside?.close(),
  };
}
