// npm run soak -- [--cycles NUMBER] [--microvms NUMBER]
import { parseArgs } from 'node:util';
import { buildProbe } from '../support/images.ts';
import { TestSquib } from '../support/squib.ts';
import { soak, withoutRates } from './soak.ts';

const { values } = parseArgs({
  options: { cycles: { type: 'string', default: '1000' }, microvms: { type: 'string', default: '10' } },
});
const squib = await TestSquib.start({ quotas: withoutRates() });
try {
  const image = await buildProbe(squib);
  const result = await soak(squib, image, {
    cycles: Number(values.cycles),
    microvms: Number(values.microvms),
    say: (line) => console.log(line),
  });
  console.log(`${result.cycles} cycles in ${result.seconds.toFixed(0)} s, nothing lost, nothing grew`);
  console.log(`at first  ${JSON.stringify(result.first)}`);
  console.log(`at last   ${JSON.stringify(result.last)}`);
} finally {
  await squib.remove();
}
