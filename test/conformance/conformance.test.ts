// Three real clients and raw HTTP against one running squib.
import { after, before, describe, test } from 'node:test';
import { auditRecord } from './audit.ts';
import { commandLineErrors } from './command-line-errors.ts';
import { commandLineLife } from './command-line-life.ts';
import { type FullHouse, openFullHouse } from './full-house.ts';
import { javascriptErrors } from './javascript-errors.ts';
import { javascriptLife } from './javascript-life.ts';
import { runPython } from './python.ts';
import { rawHttp } from './raw.ts';
import { closeWorld, openWorld, type World } from './world.ts';

describe('conformance', () => {
  let world: World;
  before(async () => {
    world = await openWorld();
  });
  after(() => closeWorld(world));

  // Side by side, because most of their time goes into builds.
  describe('the life of an image and a MicroVM', { concurrency: true }, () => {
    test('the AWS SDK for JavaScript', (t) => javascriptLife(t, world));
    test('boto3', (t) => runPython(t, world, 'boto3_life.py'));
    test('the AWS CLI', (t) => commandLineLife(t, world));
  });

  describe('refusals', () => {
    let house: FullHouse;
    before(async () => {
      house = await openFullHouse(world);
    });
    test('the AWS SDK for JavaScript', (t) => javascriptErrors(t, world, house));
    test('boto3', (t) => runPython(t, world, 'boto3_errors.py', house));
    test('the AWS CLI', (t) => commandLineErrors(t, world, house));
    test('raw HTTP', (t) => rawHttp(t, world, house));
    test('the audit record', (t) => auditRecord(t, world, house));
  });
});
