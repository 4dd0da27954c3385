import { SquibError } from '../../errors/squib-error.ts';
import type { Connection } from './connection.ts';
import { listImages, listMicrovms } from './lists.ts';

const prefix = 'microvm-';
const whole = /^microvm-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

/** The beginning of an id, long enough to be unique for most. */
export const shortId = (microvmId: string) => microvmId.slice(prefix.length, prefix.length + 8);

/**
 * The id that a person means: a whole one, or the beginning of one, with or without `microvm-`. One that lives is meant
 * rather than one that has ended.
 * @throws SquibError when there is none, or more than one
 */
export async function findMicrovmId(connection: Connection, text: string): Promise<string> {
  if (whole.test(text)) return text;
  const beginning = text.startsWith(prefix) ? text : `${prefix}${text}`;
  const found = (await listMicrovms(connection)).filter(({ microvmId }) => microvmId.startsWith(beginning));
  const alive = found.filter(({ state }) => state !== 'TERMINATED');
  const meant = alive.length > 0 ? alive : found;
  if (meant.length === 1) return meant[0]!.microvmId;
  if (meant.length === 0) {
    throw new SquibError(`There is no MicroVM '${text}'.`, "'squib ps --all' lists what there is.");
  }
  const ids = meant.slice(0, 5).map(({ microvmId }) => microvmId);
  throw new SquibError(
    `'${text}' is the beginning of ${meant.length} MicroVMs: ${ids.join(', ')}${meant.length > 5 ? ', …' : ''}.`,
    'Give more of the id.',
  );
}

export interface FoundImage {
  imageArn: string;
  name: string;
  /** As it was given behind a colon. */
  imageVersion: string | undefined;
}

/** An image by its name or ARN, maybe with `:VERSION`. @throws SquibError when there is none */
export async function findImage(connection: Connection, text: string): Promise<FoundImage> {
  const [, base = text, version] = /^(.*[^:]):(\d+(?:\.\d+)?)$/.exec(text) ?? [];
  const images = await listImages(connection);
  const image = images.find(({ name, imageArn }) => name === base || imageArn === base);
  if (image === undefined) {
    throw new SquibError(
      `There is no image '${base}'.`,
      images.length === 0
        ? "Make one of a folder with a Dockerfile: 'squib deploy FOLDER'."
        : "'squib images' lists what there is.",
    );
  }
  const imageVersion = version === undefined || version.includes('.') ? version : `${version}.0`;
  return { imageArn: image.imageArn, name: image.name, imageVersion };
}

/**
 * What a person means where images, connectors and MicroVMs are possible: the ARN of an image, or an id.
 * @throws SquibError when there is nothing of that name
 */
export async function findResource(connection: Connection, text: string): Promise<string> {
  if (text.startsWith('nc-') || text.includes(':network-connector:')) return text;
  const named = (await listImages(connection)).find(
    ({ name, imageArn }) => name === text || imageArn === text,
  );
  return named?.imageArn ?? findMicrovmId(connection, text);
}

export const imageName = (imageArn: string) => imageArn.slice(imageArn.lastIndexOf(':') + 1);
