import { createWriteStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { BuildFailed, type BuildOrder } from '../../control/host.ts';
import { NoSuchBucket, NoSuchKey, ObjectStoreError } from '../../store/object-errors.ts';
import type { ObjectSource } from '../../store/object-types.ts';
import type { RoleRights } from '../role-rights.ts';

/**
 * The build role must be allowed to read the artifact.
 * @throws BuildFailed with AWS's code (spec: image-build 2)
 */
export function checkArtifactRole(
  {
    codeArtifactUri: uri,
    buildRoleArn,
    imageArn,
  }: Pick<BuildOrder, 'codeArtifactUri' | 'buildRoleArn' | 'imageArn'>,
  roles: RoleRights | undefined,
): void {
  const partition = imageArn.split(':')[1];
  const resource = `arn:${partition}:s3:::${uri.replace('s3://', '')}`;
  if (!roles || roles.allows(buildRoleArn, { action: 's3:GetObject', resource })) return;
  throw new BuildFailed(
    `S3_ACCESS_DENIED: The build role ${buildRoleArn} is not allowed to perform s3:GetObject on ${resource}.`,
  );
}

/** What S3 services answer, and what AWS makes of it. */
const codes: Record<string, string> = {
  AccessDenied: 'S3_ACCESS_DENIED',
  AllAccessDisabled: 'S3_ACCESS_DENIED',
  ExpiredToken: 'S3_ACCESS_DENIED',
  InvalidAccessKeyId: 'S3_ACCESS_DENIED',
  InvalidToken: 'S3_ACCESS_DENIED',
  SignatureDoesNotMatch: 'S3_ACCESS_DENIED',
  InvalidObjectState: 'S3_INVALID_OBJECT',
  AuthorizationHeaderMalformed: 'S3_CROSS_REGION_ACCESS_DENIED',
  IllegalLocationConstraintException: 'S3_CROSS_REGION_ACCESS_DENIED',
  PermanentRedirect: 'S3_CROSS_REGION_ACCESS_DENIED',
};

/**
 * Copies the object that `s3://bucket/key` names into a file.
 * @param mostBytes a zip that could not fit even unpacked is not fetched
 * @throws BuildFailed with AWS's code and a sentence (spec: image-build 2).
 */
export async function fetchArtifact(
  store: ObjectSource,
  uri: string,
  file: string,
  mostBytes: number,
  signal: AbortSignal,
): Promise<void> {
  const match = /^s3:\/\/([^/]+)\/(.+)$/s.exec(uri);
  if (!match) throw new BuildFailed(`S3_INVALID_OBJECT: ${uri} is not of the form s3://<bucket>/<key>.`);
  const [, bucket = '', key = ''] = match;
  try {
    const object = await store.openObject(bucket, key);
    if (object.info.size > mostBytes) {
      object.close();
      throw new BuildFailed(`ARCHIVE_INVALID: ${uri} is larger than the disk of the MicroVM.`);
    }
    await pipeline(object.stream(), createWriteStream(file, { mode: 0o600 }), { signal });
  } catch (error) {
    if (error instanceof NoSuchBucket) {
      throw new BuildFailed(`S3_NO_SUCH_BUCKET: The bucket ${bucket} of the code artifact does not exist.`);
    }
    if (error instanceof NoSuchKey) {
      throw new BuildFailed(`S3_NO_SUCH_KEY: The object ${uri} of the code artifact does not exist.`);
    }
    const code = error instanceof ObjectStoreError ? codes[error.code] : undefined;
    if (code !== undefined) throw new BuildFailed(`${code}: ${uri}: ${(error as Error).message}`);
    throw error;
  }
}
