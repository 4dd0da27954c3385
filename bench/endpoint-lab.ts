// squib's endpoint and nginx, each a process of its own on one core, both in front of the same application.
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { readConfig } from '../src/config/config.ts';
import { type BenchTools, ensureBenchTools } from '../src/setup/bench-tools.ts';
import { freePort } from '../test/support/free-port.ts';
import { loadCore, serverCore } from './cpu.ts';

const host = '01234567-0000-4000-8000-000000000001.lambda-microvm.us-east-1.localhost';
/** As bin/squib starts the daemon. */
const nodeOptions = ['--max-semi-space-size=32', '--min-semi-space-size=16'];
const file = (name: string) => fileURLToPath(new URL(name, import.meta.url));

export interface Server {
  pid: number;
  /** `https://…` or `http://…`. */
  url: string;
}

export class EndpointLab {
  readonly squib: Server;
  readonly nginx: Server;
  /** The application itself, without TLS. */
  readonly bare: Server;
  readonly #folder: string;
  readonly #h2load: string[];
  readonly #token: string;
  readonly #processes: ChildProcess[];

  private constructor(parts: {
    folder: string;
    tools: BenchTools;
    token: string;
    servers: Record<'squib' | 'nginx' | 'bare', Server>;
    processes: ChildProcess[];
  }) {
    this.#folder = parts.folder;
    this.#h2load = parts.tools.h2load;
    this.#token = parts.token;
    this.#processes = parts.processes;
    ({ squib: this.squib, nginx: this.nginx, bare: this.bare } = parts.servers);
  }

  static async open(note: (line: string) => void): Promise<EndpointLab> {
    const tools = await ensureBenchTools(readConfig().cacheDir, note);
    const folder = mkdtempSync('/tmp/squib-endpoint-');
    const processes: ChildProcess[] = [];
    const start = (core: string, command: string[]) => {
      const child = spawn('taskset', ['-c', core, ...command], { stdio: ['ignore', 'pipe', 'inherit'] });
      processes.push(child);
      return child;
    };
    try {
      const bare = start(loadCore, [process.execPath, file('./endpoint-upstream.ts')]);
      const barePort = (await firstLine(bare)).trim();
      const server = [file('./endpoint-server.ts'), folder, barePort, host];
      const squib = start(serverCore, [process.execPath, ...nodeOptions, ...server]);
      const { port, token } = JSON.parse(await firstLine(squib)) as { port: number; token: string };
      const nginxPort = await freePort();
      writeFileSync(join(folder, 'nginx.conf'), nginxSettings(folder, nginxPort, barePort));
      const nginx = start(serverCore, [
        ...tools.nginx,
        ...['-p', folder, '-c', join(folder, 'nginx.conf'), '-e', 'stderr'],
      ]);
      await untilListening(nginxPort);
      const servers = {
        squib: { pid: squib.pid ?? 0, url: `https://127.0.0.1:${port}` },
        nginx: { pid: nginx.pid ?? 0, url: `https://127.0.0.1:${nginxPort}` },
        bare: { pid: bare.pid ?? 0, url: `http://127.0.0.1:${barePort}` },
      };
      return new EndpointLab({ folder, tools, token, servers, processes });
    } catch (error) {
      for (const child of processes) child.kill('SIGKILL');
      throw error;
    }
  }

  /** A file of so many MiB, to be uploaded. */
  upload(mebibytes: number): string {
    const path = join(this.#folder, 'upload');
    writeFileSync(path, Buffer.alloc(mebibytes * 1024 * 1024));
    return path;
  }

  /** Sends requests with h2load; throws unless all are answered with 200. */
  load(server: Server, path: string, args: string[]): void {
    const headers = ['-H', `host: ${host}`, '-H', `x-aws-proxy-auth: ${this.#token}`];
    const out = execFileSync(
      'taskset',
      ['-c', loadCore, ...this.#h2load, ...args, ...headers, server.url + path],
      { encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] },
    );
    const [, total, good] = /requests: (\d+) total, .* (\d+) succeeded/.exec(out) ?? [];
    const [, ok] = /status codes: (\d+) 2xx/.exec(out) ?? [];
    if (total === undefined || total !== good || total !== ok) throw new Error(`h2load: ${out}`);
  }

  /** Times of single requests, one after another on one connection of HTTP/1.1, in milliseconds. */
  latencies(server: Server, count: number): number[] {
    const log = join(this.#folder, 'latencies');
    rmSync(log, { force: true });
    this.load(server, '/', ['--h1', '-n', String(count), '-c', '1', `--log-file=${log}`]);
    return readFileSync(log, 'utf8')
      .trim()
      .split('\n')
      .map((line) => Number(line.split('\t')[2]) / 1000);
  }

  close(): void {
    for (const child of this.#processes) child.kill('SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }
}

async function firstLine(child: ChildProcess): Promise<string> {
  const [line] = await once(child.stdout!, 'data');
  return String(line);
}

async function untilListening(port: number): Promise<void> {
  for (;;) {
    const socket = connect(port, '127.0.0.1');
    const listens = await new Promise((resolve) => {
      socket.once('connect', () => resolve(true));
      socket.once('error', () => resolve(false));
    });
    socket.destroy();
    if (listens) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}

/** One worker, the same certificate, kept connections both ways, streaming like squib, a log written in batches. */
function nginxSettings(folder: string, port: number, upstream: string): string {
  const scratch = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
    (name) => `${name}_temp_path ${folder}/${name};`,
  );
  return `daemon off; master_process off; worker_processes 1; pid ${folder}/nginx.pid; error_log stderr crit;
events { worker_connections 2048; }
http {
  access_log ${folder}/nginx.log combined buffer=32k flush=1s;
  keepalive_requests 1000000000; client_max_body_size 0; ${scratch.join(' ')}
  upstream application { server 127.0.0.1:${upstream}; keepalive 64; keepalive_requests 1000000000; }
  server {
    listen 127.0.0.1:${port} ssl; http2 on;
    ssl_certificate ${folder}/keys/tls.pem; ssl_certificate_key ${folder}/keys/tls.key; ssl_protocols TLSv1.2 TLSv1.3;
    location / {
      proxy_pass http://application; proxy_http_version 1.1; proxy_set_header Connection ""; proxy_set_header Host $host;
      proxy_request_buffering off; proxy_max_temp_file_size 0;
    }
  }
}
`;
}
