// Filter patterns of CloudWatch Logs, as AWS's documentation describes them.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { filterPattern } from '../../src/aws/logs/filter-pattern/filter-pattern.ts';

const words = '127.0.0.1 - ann [10/Oct/2026:13:25:15 -0700] "GET /index.html?x=1 HTTP/1.0" 404 1534';
const object = JSON.stringify({
  ...{ user: 'ann', status: 404, latency: 0.25, ok: false, gone: null, source: '10.0.0.7', 'a b': 1 },
  ...{ tags: ['x', 'y'], items: [{ id: 1 }, { id: 22 }], nested: { deep: { er: 'yes' } }, text: 'say "hi"' },
});

for (const [pattern, message, matches] of [
  ['', 'anything', true],
  ['ERROR', '[ERROR] no', true],
  ['ERROR', '[error] no', false],
  ['ERROR disk', 'ERROR: the disk is full', true],
  ['ERROR disk', 'ERROR: the fan stands', false],
  ['"disk is"', 'ERROR: the disk is full', true],
  ['"is disk"', 'ERROR: the disk is full', false],
  ['"say \\"hi\\""', 'to say "hi" is polite', true],
  ['ERROR -disk', 'ERROR: the disk is full', false],
  ['ERROR -"fan is"', 'ERROR: the disk is full', true],
  ['?ERROR ?WARN', 'WARN: warm', true],
  ['?ERROR ?WARN', 'INFO: cold', false],
  ['?ERROR INFO', 'INFO: cold', true],
  ['%E[RV]{2}OR%', 'an ERROR', true],
  ['%^E%', 'an ERROR', false],
  ['{ $.user = "ann" }', object, true],
  ['{ $.user = ann }', object, true],
  ['{ $.user = "a*" }', object, true],
  ['{ $.user != "ann" }', object, false],
  ['{ $.missing != "ann" }', object, false],
  ['{ $.user = %^a.n$% }', object, true],
  ['{ $.status = 404 }', object, true],
  ['{ $.status >= 400 && $.status < 500 }', object, true],
  ['{ $.status = 4* }', object, true],
  ['{ $.latency > 0.3 }', object, false],
  ['{ ($.status = 500) || ($.user = "ann" && $.ok IS FALSE) }', object, true],
  ['{ $.status = 500 || $.user = "ann" && $.ok IS TRUE }', object, false],
  ['{ $.gone IS NULL }', object, true],
  ['{ $.user IS NULL }', object, false],
  ['{ $.missing NOT EXISTS }', object, true],
  ['{ $.user NOT EXISTS }', object, false],
  ['{ $.tags[1] = "y" }', object, true],
  ['{ $.tags[2] = "y" }', object, false],
  ['{ $.items[*].id = 22 }', object, true],
  ['{ $.items[0].id = 22 }', object, false],
  ['{ $.nested.deep.er = "yes" }', object, true],
  ["{ $['a b'] = 1 }", object, true],
  ['{ $.source = 10.0.* }', object, true],
  ['{ $.text = "say \\"hi\\"" }', object, true],
  ['{ $.user = "ann" }', 'user ann', false],
  ['[ip, id, user, time, request, status, bytes]', words, true],
  ['[ip, id, user]', words, false],
  ['[ip, ..., status = 404, bytes > 1000]', words, true],
  ['[..., status = 404, bytes > 2000]', words, false],
  ['[ip = 127.*, ...]', words, true],
  ['[ip, id, user = ann || user = ben, ...]', words, true],
  ['[ip, id, user != ann, ...]', words, false],
  ['[ip, id, user, time, request = "*index.html*", status = 4* && status != 403, bytes]', words, true],
  ['[ip, id, user, time, request = %^GET%, ...]', words, true],
] as const) {
  test(`${pattern || '(empty)'} ${matches ? 'fits' : 'does not fit'} ${message.slice(0, 30)}`, () => {
    assert.equal(filterPattern(pattern)(message), matches);
  });
}

for (const pattern of [
  ...['{ $.a = }', '{ $.a "b" }', '{ a = 1 }', '{ $.a = 1', '{ $.a > x }', '{ $.a = 1 } x', '{ $.a IS BIG }'],
  ...['[a, ..., b, ...]', '[a = 1 && b = 2]', '[a', '{ $.a = %(% }', '{ $.a = %(a+)+% }'],
]) {
  test(`${pattern} is refused`, () => {
    assert.throws(() => filterPattern(pattern), { code: 'InvalidParameterException' });
  });
}
