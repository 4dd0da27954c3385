import { createReadStream, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';

interface Manifest {
  digest: string;
  mediaType: string;
  annotations?: Record<string, string>;
}

export interface RegistryOptions {
  /** OCI layout whose tags are served, all in the repository `repository`. */
  layout: string;
  repository: string;
  /** With it, every request needs Basic authentication. */
  credentials?: { username: string; password: string };
  /** Spoils answers on their way out. */
  spoil?(digest: string): boolean;
}

export interface TestRegistry {
  /** `127.0.0.1:PORT`. */
  host: string;
  requests: string[];
  /** Lets a tag name another image of the layout. */
  retag(tag: string, asTag: string): void;
  digest(tag: string): string;
  close(): void;
}

/** A real, read-only registry on loopback: the pull half of the OCI distribution protocol. */
export async function startRegistry(options: RegistryOptions): Promise<TestRegistry> {
  const index = JSON.parse(readFileSync(join(options.layout, 'index.json'), 'utf8')) as {
    manifests: Manifest[];
  };
  const tags = new Map(
    index.manifests.map((manifest) => [
      manifest.annotations?.['org.opencontainers.image.ref.name'] ?? '',
      manifest,
    ]),
  );
  const requests: string[] = [];
  const server = createServer((request, response) => {
    requests.push(`${request.method} ${request.url}`);
    answer(request, response);
  });

  function answer(request: IncomingMessage, response: ServerResponse): void {
    const { credentials } = options;
    const wanted = credentials && `Basic ${btoa(`${credentials.username}:${credentials.password}`)}`;
    if (wanted !== undefined && request.headers.authorization !== wanted) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="test"' }).end();
      return;
    }
    if (request.url === '/v2/') return void response.end('{}');
    const [, kind, name] =
      new RegExp(`^/v2/${options.repository}/(manifests|blobs)/(.+)$`).exec(request.url ?? '') ?? [];
    const digest = tags.get(name ?? '')?.digest ?? name ?? '';
    const path = join(options.layout, 'blobs', 'sha256', digest.replace('sha256:', ''));
    let content: Buffer;
    try {
      content = readFileSync(path);
    } catch {
      response.writeHead(404).end('{"errors":[{"code":"MANIFEST_UNKNOWN"}]}');
      return;
    }
    const type =
      kind === 'manifests' ? 'application/vnd.oci.image.manifest.v1+json' : 'application/octet-stream';
    response.writeHead(200, {
      'content-type': type,
      'content-length': content.length,
      'docker-content-digest': digest,
    });
    if (request.method === 'HEAD') return void response.end();
    if (!options.spoil?.(digest)) return void createReadStream(path).pipe(response);
    content[content.length - 1]! ^= 1;
    response.end(content);
  }

  server.listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  return {
    host: `127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    retag: (tag, asTag) => tags.set(tag, tags.get(asTag)!),
    digest: (tag) => tags.get(tag)!.digest,
    close: () => server.close().closeAllConnections(),
  };
}
