import { fullReference } from './image-reference.ts';

/** Where an image comes from, as skopeo names it. `path` is set when that is a file or folder of this host. */
export interface ImageSource {
  transport: 'docker' | 'oci' | 'oci-archive';
  /** `docker`: the reference. Otherwise the tag, or empty. */
  name: string;
  path?: string;
}

/**
 * Applies the setting `mirrors` to a full reference; the longest key that is the reference or a beginning of it wins.
 * Values: another registry's prefix, `oci:/folder:tag`, `oci-archive:/file` (with `:tag` if it holds several).
 */
export function imageSource(reference: string, mirrors: Record<string, string>): ImageSource {
  let best: { key: string; value: string } | undefined;
  for (const [key, value] of Object.entries(mirrors)) {
    if (isPrefix(key, reference) && key.length > (best?.key.length ?? 0)) best = { key, value };
  }
  if (!best) return { transport: 'docker', name: reference };
  const local = /^(oci|oci-archive):(\/[^:]*)(?::(.*))?$/.exec(best.value);
  if (local) return { transport: local[1] as 'oci' | 'oci-archive', path: local[2]!, name: local[3] ?? '' };
  const rest = matchable(best.key, reference).slice(best.key.length);
  return { transport: 'docker', name: best.value.replace(/^docker:\/\//, '').replace(/\/$/, '') + rest };
}

/** A key ends at a border of the reference: registry, path segment, tag. */
function isPrefix(key: string, reference: string): boolean {
  const whole = matchable(key, reference);
  return whole.startsWith(key) && (whole.length === key.length || /[/:@]/.test(whole[key.length]!));
}

/** Keys may be short names (`python:3.13-slim`) as Dockerfiles have them. */
function matchable(key: string, reference: string): string {
  if (reference === key || reference.startsWith(key)) return reference;
  return fullReference(key) === reference ? key : reference;
}
