import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readConfig } from '../../src/config/config.ts';
import { defaultQuotas } from '../../src/control/quotas.ts';

const folder = mkdtempSync('/tmp/squib-config-');
after(() => rmSync(folder, { recursive: true }));

function read(quotas: unknown) {
  const file = join(folder, 'config.json');
  writeFileSync(file, JSON.stringify({ quotas }));
  return readConfig(file, {}).quotas;
}

test('quotas change one by one, the others keep AWS’s figures', () => {
  const quotas = read({
    images: 3,
    rates: {
      GetMicrovm: { perSecond: 500 },
      CreateMicrovmAuthToken: null,
      ListMicrovms: { perSecond: 1, burst: 2 },
    },
  });
  assert.deepEqual(quotas, {
    ...defaultQuotas,
    images: 3,
    rates: {
      ...defaultQuotas.rates,
      GetMicrovm: { perSecond: 500, burst: 1000 },
      CreateMicrovmAuthToken: null,
      ListMicrovms: { perSecond: 1, burst: 2 },
    },
  });
  assert.deepEqual(read({}), defaultQuotas);
});

test('quotas that are unknown or make no sense are refused by name', () => {
  const wrong: [unknown, RegExp][] = [
    [{ microvms: 1 }, /'quotas\.microvms' .* is not a setting of squib/],
    [{ images: '3' }, /'quotas\.images' .* must be a number/],
    [{ images: -1 }, /'quotas\.images' .* must be a whole number/],
    [{ buildsAtOnce: 0 }, /'quotas\.buildsAtOnce' .* must be at least 1/],
    [{ rates: { Run: null } }, /'quotas\.rates\.Run' .* is not a setting of squib/],
    [{ rates: { RunMicrovm: 5 } }, /'quotas\.rates\.RunMicrovm' .* must be an object/],
    [{ rates: { RunMicrovm: { rate: 5 } } }, /'quotas\.rates\.RunMicrovm\.rate' .* is not a setting/],
    [{ rates: { ListMicrovms: { perSecond: 5 } } }, /'quotas\.rates\.ListMicrovms' .* burst of at least 1/],
    [{ rates: [] }, /'quotas\.rates' .* must be an object/],
    [null, /'quotas' .* must be an object/],
  ];
  for (const [quotas, message] of wrong) {
    assert.throws(() => read(quotas), { name: 'SquibError', message }, JSON.stringify(quotas));
  }
});
