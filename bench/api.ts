// The API beside a bare node:http server that answers a constant: same core, same load, same run.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { sign } from '../src/aws/client/sign.ts';
import { defaultQuotas } from '../src/control/quotas.ts';
import { readRootCredential } from '../src/daemon/credentials.ts';
import { openStore } from '../src/store/store.ts';
import { TestSquib } from '../test/support/squib.ts';
import { type LoadOrder, requestText } from './api-load.ts';
import { cpuSeconds, loadCore, pin, serverCore } from './cpu.ts';
import { atLeast, atMost, type BenchOptions, median, type Result } from './result.ts';

const few = 100;
const many = 10_000;
/** Answers after which a server is as fast as it gets. */
const warmUp = 30_000;

/**
 * Requests per second of GetMicrovm and CreateMicrovmAuthToken, and what a page of a list costs. A second is one of the
 * server's processor time (all its threads, kernel included): on an idle core that is a second, on a busy machine it is
 * still what the server needed.
 */
export async function bench({ quick, note }: BenchOptions): Promise<Result[]> {
  const rounds = quick ? 3 : 5;
  const answers = quick ? 5000 : 10_000;
  const pages = answers / 10;
  const quotas = {
    ...defaultQuotas,
    rates: { ...defaultQuotas.rates, GetMicrovm: null, CreateMicrovmAuthToken: null },
  };
  const squib = await TestSquib.start({ quotas });
  const bare = await startBare();
  try {
    pin(squib.pid, serverCore);
    const id = seed(squib, few);
    const path = `/2025-09-09/microvms/${id}`;
    const get = signedRequest(squib, 'GET', path);
    const allowedPorts = [{ port: 8080 }];
    const body = JSON.stringify({ expirationInMinutes: 30, allowedPorts });
    const token = signedRequest(squib, 'POST', `${path}/auth-token`, body);
    const orders = {
      bare: { pid: bare.process.pid ?? 0, port: bare.port, request: get },
      get: { pid: squib.pid, port: squib.config.api.port, request: get },
      token: { pid: squib.pid, port: squib.config.api.port, request: token },
    };
    const rates: Record<keyof typeof orders, number[]> = { bare: [], get: [], token: [] };
    const names = ['bare', 'get', 'token'] as const;
    // Until the compilers are done; then in turns, so that a busy moment of the machine hits all alike.
    for (const name of names) await load({ ...orders[name], answers: warmUp, connections: 16 });
    for (let round = 0; round < rounds; round++) {
      for (const name of names) {
        const { pid, ...order } = orders[name];
        const before = cpuSeconds(pid);
        await load({ ...order, answers, connections: 16 });
        rates[name].push(answers / (cpuSeconds(pid) - before));
      }
    }
    note(`a bare node:http server answers ${median(rates.bare).toFixed(0)} per second of its core`);

    const list = signedRequest(squib, 'GET', '/2025-09-09/microvms');
    const page = { port: squib.config.api.port, request: list, answers: pages, connections: 1 };
    const measure = async () => {
      const times: number[] = [];
      for (let round = 0; round < rounds; round++) {
        const before = cpuSeconds(squib.pid);
        await load(page);
        times.push((1000 * (cpuSeconds(squib.pid) - before)) / pages);
      }
      return median(times);
    };
    await load(page);
    const short = await measure();
    seed(squib, many - few);
    await load(page);
    const long = await measure();
    return [
      atLeast('GetMicrovm, signature checked', '/core-s', median(rates.get), median(rates.bare), 0.25),
      atLeast('CreateMicrovmAuthToken', '/core-s', median(rates.token), median(rates.bare), 0.15),
      atMost(`page of 50 MicroVMs, ${many} stored (floor: ${few})`, 'core-ms', long, short, 1.5),
    ];
  } finally {
    bare.process.kill('SIGKILL');
    await squib.remove();
  }
}

/**
 * Records MicroVMs behind the daemon's back: their machines do not matter here, and ten thousand would not fit.
 * @returns the id of one of them
 */
function seed({ layout, config }: TestSquib, count: number): string {
  const store = openStore(layout.database);
  const { region, accountId: account } = config;
  const imageArn = `arn:aws:lambda:${region}:${account}:microvm-image:bench`;
  const managed = (name: string) =>
    JSON.stringify([`arn:aws:lambda:${region}:aws:network-connector:aws-network-connector:${name}`]);
  const now = Date.now();
  let id = '';
  store.transaction(() => {
    for (let i = 0; i < count; i++) {
      id = `microvm-${crypto.randomUUID()}`;
      store.microvms.insert({
        ...{ id, endpointId: crypto.randomUUID(), account, region },
        ...{ imageId: 'bench', imageArn, imageName: 'bench', number: 1, memoryMiB: 512 },
        ...{ state: 'RUNNING', stateSince: now, stateReason: null, executionRoleArn: null },
        ...{ maxIdleSeconds: 600, suspendedSeconds: 600, autoResume: 1, maximumDurationSeconds: 28_800 },
        ...{ ingress: managed('HTTP_INGRESS'), egress: managed('INTERNET_EGRESS'), settings: '{}' },
        ...{ runHookPayload: null, startedAt: now, terminatedAt: null },
      });
    }
  });
  store.close();
  return id;
}

function signedRequest({ layout, config }: TestSquib, method: string, path: string, body = ''): string {
  const endpoint = `http://127.0.0.1:${config.api.port}`;
  const url = new URL(path, endpoint);
  const connection = { endpoint, region: config.region, ...readRootCredential(layout.keys) };
  const given: Record<string, string> = body === '' ? {} : { 'content-type': 'application/json' };
  const headers = sign({ method, url, headers: given, body }, connection, 'lambda', Date.now());
  return requestText(method, path, { host: url.host, ...headers }, body);
}

/** Runs the load in a process of its own. */
async function load(order: LoadOrder): Promise<void> {
  const file = fileURLToPath(new URL('./api-load.ts', import.meta.url));
  const child = spawn('taskset', ['-c', loadCore, process.execPath, file], {
    stdio: ['pipe', 'inherit', 'inherit'],
  });
  child.stdin.end(JSON.stringify(order));
  const [code] = await once(child, 'close');
  if (code !== 0) throw new Error(`the load ended with ${code}`);
}

async function startBare(): Promise<{ process: ChildProcess; port: number }> {
  const file = fileURLToPath(new URL('./api-bare.ts', import.meta.url));
  const child = spawn('taskset', ['-c', serverCore, process.execPath, file], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [line] = await once(child.stdout, 'data');
  return { process: child, port: Number(String(line)) };
}
