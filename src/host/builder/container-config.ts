import { resolveUser } from './container-user.ts';

/** How the container of an image starts: its configuration with every name resolved. */
export interface ContainerConfig {
  /** Both empty when the image names no command. */
  entrypoint: string[];
  cmd: string[];
  env: Record<string, string>;
  /** Absolute; exists in the root filesystem. */
  workingDir: string;
  user: ContainerUser;
  /** As the image has it: `SIGTERM`, `15`, … */
  stopSignal: string;
  /** `8080/tcp` and the like; for display only (spec: image-build 8). */
  exposedPorts: string[];
}

export interface ContainerUser {
  uid: number;
  gid: number;
  /** Supplementary groups from the image's /etc/group. */
  groups: number[];
  /** Home directory from the image's /etc/passwd, else `/`. */
  home: string;
}

/** Text files that the builder takes out of an image. */
export interface ImageFiles {
  /** Configuration of the image, JSON in Docker's format. */
  config: string;
  passwd: string;
  group: string;
}

/** @throws Error with a text for the build log when the image's configuration cannot be used. */
export function readContainerConfig(files: ImageFiles): ContainerConfig {
  const image = JSON.parse(files.config) as { config?: Record<string, unknown> };
  const config = image.config ?? {};
  const workingDir = text(config.WorkingDir) || '/';
  return {
    entrypoint: texts(config.Entrypoint),
    cmd: texts(config.Cmd),
    env: Object.fromEntries(texts(config.Env).map(splitVariable)),
    workingDir: workingDir.startsWith('/') ? workingDir : `/${workingDir}`,
    user: resolveUser(text(config.User), files.passwd, files.group),
    stopSignal: text(config.StopSignal) || 'SIGTERM',
    exposedPorts: Object.keys((config.ExposedPorts as object | null | undefined) ?? {}),
  };
}

function splitVariable(entry: string): [string, string] {
  const equals = entry.indexOf('=');
  return equals < 0 ? [entry, ''] : [entry.slice(0, equals), entry.slice(equals + 1)];
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '');

const texts = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((item) => typeof item === 'string') : [];
