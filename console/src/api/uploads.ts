import type { ApiError } from './api-error.ts';
import { request } from './call.ts';

const bucket = 'squib-console';

/** Puts a code artifact into squib's S3. @returns its `s3://` address @throws ApiError */
export async function uploadArtifact(imageName: string, zip: Blob): Promise<string> {
  await request({ service: 's3', method: 'PUT', path: `/${bucket}` }).catch((error: ApiError) => {
    if (error.code !== 'BucketAlreadyOwnedByYou') throw error;
  });
  const key = `${imageName}/${new Date().toISOString().replaceAll(':', '-')}.zip`;
  const headers = { 'content-type': 'application/zip' };
  await request({ service: 's3', method: 'PUT', path: `/${bucket}/${key}`, headers, body: zip });
  return `s3://${bucket}/${key}`;
}
