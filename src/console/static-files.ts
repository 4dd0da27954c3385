import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { extname, join } from 'node:path';
import { Readable } from 'node:stream';
import type { Answer } from '../aws/http/answer.ts';

const TYPES: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
  '.svg': 'image/svg+xml',
  '.woff2': 'font/woff2',
};

/** The built front end. All of it is read once (about 1 MB), so a request can name no other file. */
export class StaticFiles {
  readonly #files = new Map<string, { type: string; content: Buffer }>();

  /** @param folder made by the set-up; may be missing */
  constructor(folder: string) {
    if (!existsSync(join(folder, 'index.html'))) return;
    for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
      const type = TYPES[extname(name)];
      if (type !== undefined) this.#files.set(name, { type, content: readFileSync(join(folder, name)) });
    }
  }

  /** @param path below `/console/`; every path of a page is answered with the page itself */
  answer(path: string): Answer {
    const asset = this.#files.get(path);
    if (asset && path.startsWith('assets/')) {
      // Their names change with their contents.
      return file(asset, { 'cache-control': 'public, max-age=31536000, immutable' });
    }
    if (path.startsWith('assets/')) return { status: 404, headers: TEXT, body: 'Not Found\n' };
    const page = asset ?? this.#files.get('index.html');
    if (page) return file(page, {});
    const body =
      "The web console has not been built on this machine: run 'squib setup', then start squib again.\n";
    return { status: 503, headers: TEXT, body };
  }
}

const TEXT = { 'content-type': 'text/plain; charset=utf-8' };

function file({ type, content }: { type: string; content: Buffer }, headers: Record<string, string>): Answer {
  return {
    status: 200,
    headers: { 'content-type': type, 'content-length': String(content.length), ...headers },
    body: Readable.from([content]),
  };
}
