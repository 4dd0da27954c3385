/**
 * The full name of an image as registries know it: `python` is `docker.io/library/python:latest`,
 * `user/app:1` is `docker.io/user/app:1`.
 */
export function fullReference(reference: string): string {
  const slash = reference.indexOf('/');
  const first = slash < 0 ? '' : reference.slice(0, slash);
  const hasRegistry = first === 'localhost' || /[.:]/.test(first);
  let name = hasRegistry ? reference : `docker.io/${reference}`;
  if (name.startsWith('index.docker.io/')) name = `docker.io/${name.slice('index.docker.io/'.length)}`;
  if (/^docker\.io\/[^/]+$/.test(name)) name = name.replace('docker.io/', 'docker.io/library/');
  const last = name.slice(name.lastIndexOf('/') + 1);
  return last.includes(':') || last.includes('@') ? name : `${name}:latest`;
}

/** What `[registry/]path[:tag][@digest]` may look like; keeps options and shell text out of the programs we start. */
export function isReference(reference: string): boolean {
  return /^[a-zA-Z0-9][\w.-]*(:\d+(?=\/))?(\/[\w.-]+)*(:[\w.-]+)?(@sha256:[0-9a-f]{64})?$/.test(reference);
}
