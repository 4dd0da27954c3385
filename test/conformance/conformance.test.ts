// Three real clients against one running squib. They share it, and live side by side: builds take most of the time.
import { after, before, describe, test } from 'node:test';
import { javascriptLife } from './javascript-life.ts';
import { runPython } from './python.ts';
import { closeWorld, openWorld, type World } from './world.ts';

describe('conformance', () => {
  let world: World;
  before(async () => {
    world = await openWorld();
  });
  after(() => closeWorld(world));

  describe('lives', { concurrency: true }, () => {
    test('the AWS SDK for JavaScript', (t) => javascriptLife(t, world));
    test('boto3', (t) => runPython(t, world, 'boto3_life.py'));
  });
});
