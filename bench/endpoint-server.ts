// The endpoint alone, as the daemon composes it, with one MicroVM that is a port of this machine.
import { createWriteStream } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { startIngress } from '../src/ingress/server.ts';
import { Tokens } from '../src/ingress/tokens.ts';
import { createLog } from '../src/log/log.ts';
import { ensureCertificates } from '../src/setup/certificates.ts';

const [folder = '', upstream = '', host = ''] = process.argv.slice(2);
const microvmId = 'microvm-0a1b2c3d-0000-4000-8000-000000000001';
const certificates = await ensureCertificates(folder, { region: 'us-east-1', domain: 'localhost' });
const tokens = await Tokens.open(folder);
const log = createWriteStream(join(folder, 'access.log'));
const write = (line: string) => void log.write(`${line}\n`);
const endpoint = { microvmId, httpIngress: true, shellIngress: false };
const ingress = await startIngress({
  host: '127.0.0.1',
  ports: [0],
  certificate: certificates.current,
  tokens,
  directory: {
    find: (hostname) => (hostname === host ? endpoint : undefined),
    takesTraffic: () => true,
    acquire: async () => {},
    touch: () => {},
    onEnd: () => () => {},
    onSuspending: () => () => {},
  },
  dialer: {
    dial: (_microvmId, port) =>
      new Promise((resolve, reject) => {
        const socket = connect(port === 8080 ? Number(upstream) : port, '127.0.0.1', () => resolve(socket));
        socket.setNoDelay(true);
        socket.once('error', reject);
      }),
    openShell: () => Promise.reject(new Error('There is no shell here.')),
  },
  log: createLog(write),
  accessLog: write,
});
const token = await tokens.issue({ microvmId, kind: 'app', ports: 'all', expiresAt: Date.now() + 3_600_000 });
console.log(JSON.stringify({ port: ingress.port, token }));
// An orderly end lets Node write what --cpu-prof gathered.
process.on('SIGINT', () => process.exit(0));
