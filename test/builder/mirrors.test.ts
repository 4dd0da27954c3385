import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fullReference } from '../../src/host/builder/image-reference.ts';
import { imageSource } from '../../src/host/builder/mirrors.ts';

const source = (reference: string, mirrors: Record<string, string>) =>
  imageSource(fullReference(reference), mirrors);

test('the setting mirrors', async (t) => {
  await t.test('nothing fits: the image comes from its own registry', () => {
    const own = { transport: 'docker', name: 'docker.io/library/python:3' };
    assert.deepEqual(source('python:3', {}), own);
    assert.deepEqual(
      source('python:3', { 'docker.io/lib': 'x.example', 'docker.io/library/python:3.1': 'y' }),
      own,
    );
  });

  await t.test('a registry or a part of it stands in for another', () => {
    const mirrors = {
      'docker.io': 'mirror.example.com/hub',
      'public.ecr.aws/lambda': 'mirror.example.com/l/',
    };
    assert.equal(source('python:3', mirrors).name, 'mirror.example.com/hub/library/python:3');
    assert.equal(source('public.ecr.aws/lambda/a:b', mirrors).name, 'mirror.example.com/l/a:b');
  });

  await t.test('the longest key wins, and an image may come from a folder or file', () => {
    const mirrors = {
      'docker.io': 'x.example',
      'python:3-slim': 'oci:/srv/images:py',
      'docker.io/a/b': 'oci-archive:/f.tar',
    };
    assert.deepEqual(source('python:3-slim', mirrors), { transport: 'oci', path: '/srv/images', name: 'py' });
    assert.deepEqual(source('a/b:7', mirrors), { transport: 'oci-archive', path: '/f.tar', name: '' });
    assert.equal(source('python:3', mirrors).name, 'x.example/library/python:3');
  });
});
