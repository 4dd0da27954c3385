import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import type { ServiceModel } from '../../src/aws/protocol/model.ts';

const program = fileURLToPath(new URL('../../scripts/model-check.ts', import.meta.url));
const folder = mkdtempSync('/tmp/squib-model-');
after(() => rmSync(folder, { recursive: true }));

/** A trimmed model in the form in which botocore ships models. */
function asBotocore(name: string) {
  const file = new URL(`../../src/aws/models/${name}.json`, import.meta.url);
  const { metadata, operations, shapes } = JSON.parse(readFileSync(file, 'utf8')) as ServiceModel;
  return {
    metadata: { ...metadata, serviceFullName: 'x' },
    operations: Object.fromEntries(
      Object.entries(operations).map(([operation, model]) => {
        const { method, requestUri, responseCode, input, output, errors, idempotent, readonly } = model;
        const named = (shape: string | undefined) => (shape === undefined ? {} : { shape });
        return [
          operation,
          {
            http: { method, requestUri, responseCode },
            ...(input && { input: named(input) }),
            ...(output && { output: named(output) }),
            ...(errors && { errors: errors.map(named) }),
            ...{ idempotent, readonly, documentation: 'text that nobody compares' },
          },
        ];
      }),
    ),
    shapes,
  };
}

function check(model: object | string, { gzip = false } = {}) {
  const file = join(folder, 'service-2.json');
  const text = typeof model === 'string' ? model : JSON.stringify(model);
  writeFileSync(file, gzip ? gzipSync(text) : text);
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, file], { encoding: 'utf8' });
  const [head = '', ...changes] = stdout.trimEnd().split('\n');
  return { status, head, changes: changes.map((line) => line.trim()), stderr };
}

test('model:check finds nothing in the model that squib has', () => {
  for (const name of ['lambda-microvms', 'lambda-core']) {
    const { status, head, changes } = check(asBotocore(name), { gzip: name === 'lambda-core' });
    assert.deepEqual([status, changes], [0, []]);
    assert.match(head, /: nothing changed$/);
  }
});

test('model:check names every change of a newer model', () => {
  const model = asBotocore('lambda-microvms');
  const { shapes, operations } = model;
  shapes.MicrovmState!.enum!.push('PAUSED');
  shapes.EnvironmentVariableMap!.max = 100;
  shapes.RunMicrovmRequest!.members!.tags = { shape: 'TagMap' };
  delete shapes.CreateMicrovmImageRequest!.members!.description;
  shapes.RunMicrovmRequest!.required!.push('clientToken');
  delete operations.ListTags;
  operations.PauseMicrovm = structuredClone(operations.SuspendMicrovm!);
  operations.RunMicrovm!.http.responseCode = 202;
  const { status, head, changes } = check(model);
  assert.equal(status, 1);
  assert.match(head, /: 8 changes$/);
  const starts = [
    '+ operation PauseMicrovm: {"method":"POST"',
    '+ shape MicrovmState enum: PAUSED',
    '+ shape RunMicrovmRequest members tags: {"shape":"TagMap"}',
    '+ shape RunMicrovmRequest required: clientToken',
    '- operation ListTags: {"method":"GET"',
    '- shape CreateMicrovmImageRequest members description: {"shape":"String"}',
    '~ operation RunMicrovm responseCode: 200 → 202',
    '~ shape EnvironmentVariableMap max: 50 → 100',
  ];
  const sorted = changes.toSorted();
  assert.equal(sorted.length, starts.length, sorted.join('\n'));
  for (const [at, start] of starts.toSorted().entries()) assert.ok(sorted[at]?.startsWith(start), sorted[at]);
});

test('model:check refuses what is no model of a service that squib has', () => {
  const other = { ...asBotocore('lambda-core'), metadata: { serviceId: 'S3' } };
  assert.deepEqual(
    [other, 'no json'].map((model) => check(model).status),
    [2, 2],
  );
  assert.match(check(other).stderr, /squib has no model of this service/);
});
