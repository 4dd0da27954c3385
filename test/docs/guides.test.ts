// The pages for readers hold what they show: every command is run against a squib, every answer compared.
import { readdirSync } from 'node:fs';
import { after, before, describe, test } from 'node:test';
import { TestSquib } from '../support/squib.ts';
import { follow } from './guide.ts';

const guides = readdirSync(new URL('../../docs/guides/', import.meta.url));
const pages = ['README.md', ...guides.map((name) => `docs/guides/${name}`)];

describe('guides', { concurrency: 2, timeout: 1_500_000 }, () => {
  let squib: TestSquib;

  before(async () => {
    squib = await TestSquib.start();
  });
  after(() => squib.remove());

  for (const page of pages) test(page, () => follow(squib, page));
});
