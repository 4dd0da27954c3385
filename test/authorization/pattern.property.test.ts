import assert from 'node:assert/strict';
import { test } from 'node:test';
import { matches, parsePattern } from '../../src/authorization/policy/pattern.ts';

/** Repeatable randomness (mulberry32). */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

/** What the wildcards mean, said as plainly as can be. */
function reference(pattern: string, text: string): boolean {
  if (pattern === '') return text === '';
  const rest = pattern.slice(1);
  if (pattern[0] === '*') return reference(rest, text) || (text !== '' && reference(pattern, text.slice(1)));
  return text !== '' && (pattern[0] === '?' || pattern[0] === text[0]) && reference(rest, text.slice(1));
}

function compile(pattern: string): readonly number[] {
  return parsePattern(pattern, { wildcards: true, variables: false, path: '' })[0] as readonly number[];
}

test('wildcards agree with their definition on random patterns and texts', () => {
  const random = generator(20261101);
  const word = (alphabet: string, longest: number) =>
    Array.from({ length: random(longest + 1) }, () => alphabet[random(alphabet.length)]).join('');
  let matched = 0;
  for (let round = 0; round < 20_000; round++) {
    const pattern = word('ab:*?*', 7);
    const text = word('ab:', 8);
    const expected = reference(pattern, text);
    if (expected) matched++;
    assert.equal(matches(compile(pattern), text), expected, `${pattern} against ${text}`);
  }
  assert.ok(matched > 2000, `only ${matched} rounds matched: the test would show little`);
});

test('a text without wildcards matches itself and nothing that differs in one place', () => {
  const random = generator(7);
  for (let round = 0; round < 2000; round++) {
    const text = Array.from({ length: 1 + random(20) }, () => String.fromCharCode(43 + random(80))).join('');
    const exact = parsePattern(text, {
      wildcards: false,
      variables: false,
      path: '',
    })[0] as readonly number[];
    assert.ok(matches(exact, text));
    const at = random(text.length);
    const other = `${text.slice(0, at)}${String.fromCharCode(text.charCodeAt(at) + 1)}${text.slice(at + 1)}`;
    assert.ok(!matches(exact, other), `${text} against ${other}`);
  }
});

test('a pattern made to be slow is not', () => {
  const pieces = compile(`${'*a'.repeat(1500)}b`);
  const started = performance.now();
  assert.equal(matches(pieces, 'a'.repeat(4000)), false);
  assert.ok(performance.now() - started < 1000);
});
