// npm run load -- [--connections N] [--microvms N] [--seconds N]: the endpoint under many connections, on this machine only.
import { parseArgs } from 'node:util';
import { startWorld } from '../clients/world.ts';
import { load } from './load.ts';

const { values } = parseArgs({
  options: {
    connections: { type: 'string', default: '1000' },
    microvms: { type: 'string', default: '20' },
    seconds: { type: 'string', default: '60' },
  },
});
const order = {
  connections: Number(values.connections),
  microvms: Number(values.microvms),
  seconds: Number(values.seconds),
};
console.log(`${order.connections} connections over ${order.microvms} MicroVMs for ${order.seconds} s …`);
const world = await startWorld();
const { exchanges, fewest, errors, memory } = await load(world, order).finally(() => world.squib.remove());
console.log(`${exchanges} exchanges, at least ${fewest} on each connection, ${errors.length} errors`);
for (const error of errors) console.log(`  ${error}`);
if (errors.length > 0) {
  const told = world.squib.log.split('\n').filter((line) => /"ingress\.\w+"/.test(line));
  for (const line of told.slice(-20)) console.log(`  ${line}`);
}
const { first, last } = memory;
console.log(
  `memory of the daemon: ${first.toFixed(0)} MiB after a quarter, ${last.toFixed(0)} MiB at the end`,
);
process.exitCode = errors.length === 0 && fewest > 0 && last < first * 1.25 + 32 ? 0 : 1;
