// Stand-ins for everything a tenant might try to reach; runs in a network namespace of the lab.
// Writes one JSON line per arrival to the file of its first argument. Second argument: who it is.
import { createSocket } from 'node:dgram';
import { appendFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { networkInterfaces } from 'node:os';

const [file = '', who = '', ...options] = process.argv.slice(2);

function record(arrival: object): void {
  appendFileSync(file, `${JSON.stringify({ who, ...arrival })}\n`);
}

const plain = (address = '') => address.replace(/^::ffff:/, '');

function tcp(port: number): void {
  const server = createServer((socket) => {
    const from = plain(socket.remoteAddress);
    record({ protocol: 'tcp', to: plain(socket.localAddress), port, from });
    socket.on('error', () => {});
    socket.write('hello');
    socket.on('data', (data) => socket.write(data));
  });
  server.listen({ host: '::', port });
}

function udp(address: string, port: number, answer: (message: Buffer) => Buffer | undefined): void {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (message, { address: from, port: fromPort }) => {
    record({ protocol: 'udp', to: address, port, from, text: message.toString('latin1') });
    const reply = answer(message);
    if (reply) socket.send(reply, fromPort, from);
  });
  socket.bind(port, address);
}

/** Addresses by name; a name that ends in `.big` has a text record that does not fit a datagram. */
const zone: Record<string, string[]> = {
  'public.test': ['198.51.100.10'],
  'a.moving.test': ['192.0.2.99'],
  'inner.moving.test': ['10.1.2.3'],
  'host.moving.test': ['203.0.113.2'],
  'private.test': ['10.1.2.3'],
  'host.test': ['203.0.113.2'],
  'loopback.test': ['127.0.0.1'],
  'metadata.test': ['169.254.169.254'],
  'mixed.test': ['198.51.100.10', '192.168.77.7'],
};

function resolve(query: Buffer): Buffer {
  const labels: string[] = [];
  let at = 12;
  while (query[at]) {
    labels.push(query.toString('latin1', at + 1, at + 1 + query[at]!));
    at += 1 + query[at]!;
  }
  const type = query.readUInt16BE(at + 1);
  const addresses = (type === 1 && zone[labels.join('.').toLowerCase()]) || [];
  const head = Buffer.from(query.subarray(0, at + 5));
  head.writeUInt16BE(0x8180, 2);
  head.writeUInt16BE(addresses.length, 6);
  head.writeUInt32BE(0, 8);
  const records = addresses.map((address) =>
    Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, ...address.split('.').map(Number)]),
  );
  return Buffer.concat([head, ...records]);
}

for (const port of [22, 80, 443, 4700, 8080]) tcp(port);
const own = Object.values(networkInterfaces()).flatMap((list) => list ?? []);
for (const { address, scopeid } of own) {
  if (scopeid) continue;
  udp(address, 9999, () => Buffer.from('hello'));
  if (options.includes('names')) udp(address, 53, resolve);
}
console.log('ready');
