// A network of namespaces in which squib's data plane runs: no probe can leave the machine, whatever holes there are.
//
//   squib's host (H) ── 203.0.113.0/30 ── the world (W): every other address there is, each with listeners
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Addresses of the world: whatever leaves squib's host arrives there. */
const worldAddresses = [
  ...['198.51.100.10', '198.51.100.53', '192.0.2.99'],
  ...['10.1.2.3', '10.200.0.9', '172.16.9.9', '172.31.255.1', '192.168.77.7', '100.64.5.5', '198.18.0.9'],
  ...['169.254.169.254', '169.254.7.7', '169.254.169.253', '192.0.0.9'],
];
const worldAddresses6 = ['2001:db8:9::10', 'fd00:ec2::254', 'fd12::7'];
/** Further addresses of squib's host. */
const hostAddresses = ['198.51.100.200', '10.99.0.1', '192.168.99.1'];

export interface Lab {
  /** What arrived where, one JSON object a line. */
  arrivals: string;
  /** Runs a program on squib's host. */
  spawn(command: string, args: string[], env?: Record<string, string>): ChildProcess;
  remove(): void;
}

export async function makeLab(): Promise<Lab> {
  const folder = mkdtempSync('/tmp/sqwalls-');
  const arrivals = join(folder, 'arrivals.jsonl');
  const resolv = join(folder, 'resolv.conf');
  writeFileSync(arrivals, '');
  writeFileSync(resolv, 'nameserver 198.51.100.53\n');
  const holders: ChildProcess[] = [];
  const holder = async () => {
    const child = spawn(
      'unshare',
      ['--net', '--mount', '--propagation', 'private', 'sh', '-c', 'echo up; exec sleep 600'],
      {
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    holders.push(child);
    await once(child.stdout!, 'data');
    return child.pid!;
  };
  const inside = (pid: number) => ['-t', String(pid), '--net', '--mount', '--'];
  const world = await holder();
  const host = await holder();
  const run = (pid: number, script: string) => {
    const { status, stderr } = spawnSync('nsenter', [...inside(pid), 'sh', '-euc', script], {
      encoding: 'utf8',
    });
    if (status !== 0) throw new Error(`${script}: ${stderr}`);
  };
  run(
    world,
    [
      'ip link set lo up',
      ...worldAddresses.map((address) => `ip address add ${address}/32 dev lo`),
      ...worldAddresses6.map((address) => `ip address add ${address}/128 dev lo`),
      `ip link add sqwworld type veth peer name sqwhost netns ${host}`,
      'ip address add 203.0.113.1/30 dev sqwworld',
      'ip address add 2001:db8:1::1/64 dev sqwworld nodad',
      'ip link set sqwworld up',
      // Answers to whatever source address got out, so that a hole shows as a connection.
      'ip route add default via 203.0.113.2',
    ].join('; '),
  );
  run(
    host,
    [
      `mount --bind ${resolv} /etc/resolv.conf`,
      'ip link set lo up',
      ...hostAddresses.map((address) => `ip address add ${address}/32 dev lo`),
      'ip address add 203.0.113.2/30 dev sqwhost',
      'ip address add 2001:db8:1::2/64 dev sqwhost nodad',
      'ip link set sqwhost up',
      'ip route add default via 203.0.113.1',
      'ip -6 route add default via 2001:db8:1::1',
    ].join('; '),
  );
  const program = fileURLToPath(new URL('./stand-ins.ts', import.meta.url));
  for (const [pid, ...args] of [
    [world, 'world', 'names'],
    [host, 'host'],
  ] as const) {
    const child = spawn('nsenter', [...inside(pid), process.execPath, program, arrivals, ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    holders.push(child);
    await once(child.stdout!, 'data');
  }
  return {
    arrivals,
    spawn: (command, args, env) =>
      spawn('nsenter', [...inside(host), command, ...args], {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, ...env },
      }),
    remove() {
      // The namespaces, and every interface and rule in them, end with their last process.
      for (const child of holders) child.kill('SIGKILL');
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
