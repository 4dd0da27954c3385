import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { test } from 'node:test';
import { ServiceError } from '../../src/errors/service-error.ts';
import { forSeeds, type Random } from '../aws/random.ts';
import { caller, imageArn, openLab } from './lab/lab.ts';

test('walking a list meets everything once, newest first, whatever the size of pages and whatever comes meanwhile', async (t) => {
  const lab = openLab(t);
  const { seq: _, ...row } = lab.store.microvms.get(await lab.microvm())!;
  const images = [imageArn('a'), imageArn('b')];
  const insert = (random: Random) => {
    const id = `microvm-${randomUUID()}`;
    const image = random.pick(images);
    lab.store.microvms.insert({ ...row, id, endpointId: id, imageArn: image, state: 'TERMINATED' });
    return { id, image };
  };
  const all = [{ id: row.id, image: row.imageArn }];
  await forSeeds(15, async (random) => {
    lab.store.transaction(() => {
      for (let i = random.int(40); i > 0; i--) all.push(insert(random));
    });
    const there = [...all].reverse();
    const wanted = random.chance(50) ? random.pick(images) : undefined;
    const met: string[] = [];
    let nextToken: string | undefined;
    let pages = 0;
    do {
      const maxResults = random.chance(20) ? undefined : 1 + random.int(50);
      const page = await lab.api.ListMicrovms({ maxResults, nextToken, imageIdentifier: wanted }, caller);
      assert.ok(page.items.length <= (maxResults ?? 50));
      // Filters work on what the page holds, so only without one is a page with a token always full.
      if (page.nextToken !== undefined && wanted === undefined)
        assert.equal(page.items.length, maxResults ?? 50);
      met.push(...page.items.map(({ microvmId }) => microvmId));
      nextToken = page.nextToken;
      pages++;
      if (random.chance(30)) all.push(insert(random));
    } while (nextToken !== undefined);
    assert.deepEqual(
      met,
      there.filter(({ image }) => wanted === undefined || image === wanted).map(({ id }) => id),
    );
    assert.ok(pages <= there.length + 1);
  });
});

test('a page token that was changed, or is of another list, is refused or goes on somewhere in the list', async (t) => {
  const lab = openLab(t);
  const { seq: _, ...row } = lab.store.microvms.get(await lab.microvm())!;
  for (let i = 0; i < 5; i++) {
    const id = `microvm-${randomUUID()}`;
    lab.store.microvms.insert({ ...row, id, endpointId: id, state: 'TERMINATED' });
  }
  const { nextToken: token = '' } = await lab.api.ListMicrovms({ maxResults: 2 }, caller);
  const known = new Set((await lab.api.ListMicrovms({}, caller)).items.map(({ microvmId }) => microvmId));
  const invalid = (error: unknown) => error instanceof ServiceError && error.code === 'Validation';
  await assert.rejects(lab.api.ListMicrovmImages({ nextToken: token }, caller), invalid);
  await forSeeds(500, async (random) => {
    const at = random.int(token.length);
    const changed = token.slice(0, at) + random.text(3) + token.slice(at + random.int(3));
    try {
      const { items } = await lab.api.ListMicrovms({ nextToken: changed }, caller);
      for (const { microvmId } of items) assert.ok(known.has(microvmId));
    } catch (error) {
      assert.ok(invalid(error), `${changed}: ${error}`);
    }
  });
});
