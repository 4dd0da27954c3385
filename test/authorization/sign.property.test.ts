import assert from 'node:assert/strict';
import { test } from 'node:test';
import { sign } from '../../src/aws/client/sign.ts';
import { signer } from '../aws/sign.ts';

const names = ['ann', 'a.b@c', 'a+b', 'with=sign', 'comma,', '日本', 'per%cent', 'sl/ash', "quote's"];
const bodies = ['', '{}', '{"userName":"ann"}', 'ü'];

test("the command line signs as AWS's own signer does", async () => {
  for (const [index, name] of names.entries()) {
    for (const [at, body] of bodies.entries()) {
      for (const sessionToken of [undefined, 'a/session+token==']) {
        const credential = {
          accessKeyId: 'AKIA1',
          secretAccessKey: `secret/+${index}`,
          ...(sessionToken && { sessionToken }),
        };
        const url = new URL(`http://localhost:4700/_squib/v1/credentials/${encodeURIComponent(name)}`);
        if (at % 2 === 1) url.search = `?b=${encodeURIComponent(name)}&a=1`;
        const now = Date.UTC(2026, 10, 1, 12, 0, index);
        const connection = { endpoint: url.origin, region: 'us-east-1', ...credential };
        const headers = { 'content-type': 'application/json' };
        const ours = sign({ method: 'POST', url, headers, body }, connection, 'squib', now);
        const theirs = await signer('squib', credential).sign(
          {
            ...{ method: 'POST', protocol: 'http:', hostname: 'localhost', port: 4700, body },
            path: url.pathname,
            query: Object.fromEntries(url.searchParams),
            headers: {
              ...{ ...headers, host: url.host, 'x-amz-content-sha256': ours['x-amz-content-sha256']! },
            },
          },
          { signingDate: new Date(now), signingRegion: 'us-east-1' },
        );
        assert.equal(ours.authorization, theirs.headers.authorization, `${name} ${body}`);
      }
    }
  }
});
