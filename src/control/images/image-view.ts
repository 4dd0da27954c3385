import type {
  CreateMicrovmImageResponse,
  MicrovmImageSummary,
  UpdateMicrovmImageResponse,
} from '../../aws/models/lambda-microvms.ts';
import type { ImageRow } from '../../store/images.ts';
import { versionName } from '../arns.ts';
import type { VersionSettings } from './version-settings.ts';

const optionalVersion = (number: number | null) => (number === null ? undefined : versionName(number));

/** An image as lists show it. */
export function imageSummary(image: ImageRow): MicrovmImageSummary {
  return {
    imageArn: image.arn,
    name: image.name,
    state: image.state,
    latestActiveImageVersion: optionalVersion(image.latestActive),
    latestFailedImageVersion: optionalVersion(image.latestFailed),
    createdAt: new Date(image.createdAt),
  };
}

/** An image together with the version that a request has just made. */
export function imageWithVersion(
  image: ImageRow,
  settings: VersionSettings,
): Omit<CreateMicrovmImageResponse, 'tags' | 'updatedAt'> & Pick<UpdateMicrovmImageResponse, 'updatedAt'> {
  return {
    ...imageSummary(image),
    ...settings,
    imageVersion: versionName(image.lastNumber),
    updatedAt: new Date(image.updatedAt),
  };
}
