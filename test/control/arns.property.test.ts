import assert from 'node:assert/strict';
import { test } from 'node:test';
import { checkImageArn, imageArn, versionName, versionNumber } from '../../src/control/arns.ts';
import { ServiceError } from '../../src/errors/service-error.ts';
import { start } from '../aws/harness.ts';
import { forSeeds, type Random } from '../aws/random.ts';
import { rawSigned } from '../aws/sign.ts';
import { caller } from './lab/lab.ts';

const nameCharacters = 'abcXYZ019-_';
const name = (random: Random, longest = 64) =>
  Array.from({ length: 1 + random.int(longest) }, () => random.pick([...nameCharacters])).join('');

function verdict(value: string): 'ok' | 'slashed' | 'invalid' {
  try {
    checkImageArn(value, caller);
    return 'ok';
  } catch (error) {
    assert.ok(error instanceof ServiceError, String(error));
    assert.ok(error.message.includes(value), 'the answer names what was given');
    return error.code === 'AccessDenied' ? 'slashed' : 'invalid';
  }
}

/** The grammar of spec control-plane 1.1, written a second time: by splitting instead of by one expression. */
function expected(value: string): 'ok' | 'slashed' | 'invalid' {
  const [arn, partition = '', service, region = '', account = '', ...rest] = value.split(':');
  const owner =
    account === 'aws' || (account.length === 12 && [...account].every((c) => c >= '0' && c <= '9'));
  const front = arn === 'arn' && /^aws[a-z-]*$/.test(partition) && service === 'lambda';
  if (!front || !/^[a-z0-9-]+$/.test(region) || !owner) return 'invalid';
  if (rest[0]?.startsWith('microvm-image/')) return 'slashed';
  const [kind, image = '', ...more] = rest;
  const named = image.length >= 1 && image.length <= 64 && [...image].every((c) => /[a-zA-Z0-9_-]/.test(c));
  return kind === 'microvm-image' && named && more.length === 0 ? 'ok' : 'invalid';
}

test('image ARNs: every name is accepted, every change is judged as the grammar judges it', async () => {
  await forSeeds(3000, (random) => {
    const arn = imageArn(caller, name(random));
    assert.equal(verdict(arn), 'ok');
    const at = random.int(arn.length + 1);
    const cut = random.int(3);
    const changed = arn.slice(0, at) + random.text(3) + arn.slice(at + cut);
    assert.equal(verdict(changed), expected(changed), changed);
  });
  for (const value of [
    '',
    ':',
    'demo',
    'arn:',
    `${imageArn(caller, 'a')}\n`,
    imageArn(caller, 'a'.repeat(65)),
  ]) {
    assert.equal(verdict(value), 'invalid', JSON.stringify(value));
  }
});

test('versions: n and n.0 are the same, nothing else is a version', async () => {
  await forSeeds(500, (random) => {
    const number = 1 + random.int(1_000_000);
    assert.equal(versionNumber(versionName(number)), number);
    assert.equal(versionNumber(String(number)), number);
    const text = `${random.pick(['', '0', '-', '+', ' ', '1e', '.'])}${number}${random.pick(['', '.1', '.00', '.', ' ', '.0.0', 'x'])}`;
    if (!/^[1-9]\d*$/.test(text)) assert.equal(versionNumber(text), undefined, text);
  });
});

test('an ARN in the path means the same however much of it is percent-encoded', async (t) => {
  const seen: string[] = [];
  const running = await start(t, {
    GetMicrovmImage: async ({ imageIdentifier }) => {
      seen.push(imageIdentifier);
      throw new Error('enough');
    },
  });
  await forSeeds(150, async (random) => {
    const arn = imageArn(caller, name(random, 20));
    const percent = random.pick([0, 30, 100]);
    const encoded = [...arn]
      .map((c) => {
        if (!random.chance(percent)) return c;
        const digits = c.charCodeAt(0).toString(16).padStart(2, '0');
        return `%${random.chance(50) ? digits.toUpperCase() : digits}`;
      })
      .join('');
    await rawSigned(running, { path: `/2025-09-09/microvm-images/${encoded}` });
    assert.equal(seen.pop(), arn, encoded);
  });
});
