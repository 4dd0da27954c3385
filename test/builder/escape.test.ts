// Attempts to get out of the sandbox of a build, from inside a RUN step.
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { createLab, type Lab } from './lab/lab.ts';

const attempts = readFileSync(new URL('escape/attempts.py', import.meta.url), 'utf8');
const names = [...attempts.matchAll(/^@attempt\ndef (\w+)/gm)].map(([, name]) => name!);

describe('a hostile RUN step', () => {
  let lab: Lab;
  let log = '';
  before(async () => {
    lab = await createLab();
    const dockerfile = 'FROM python:3.13-slim\nCOPY attempts.py /\nRUN python /attempts.py; true\n';
    const built = await lab.build('escape', { Dockerfile: dockerfile, 'attempts.py': attempts });
    log = built.log;
  });
  after(() => lab.remove());

  for (const name of names) {
    test(`is refused: ${name.replaceAll('_', ' ')}`, () => {
      const said = log.split('\n').find((line) => line.includes(` ${name}: `));
      assert.match(said ?? log, new RegExp(`^#\\d+ [\\d.]+ refused ${name}: `));
    });
  }
});
