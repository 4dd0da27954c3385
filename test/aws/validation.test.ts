import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { describe, test } from 'node:test';
import { generateTypes } from '../../scripts/generate-types.ts';
import { loadModel } from '../../src/aws/protocol/load-model.ts';
import type { MemberRef, ServiceModel, Shape } from '../../src/aws/protocol/model.ts';
import { RestJsonService } from '../../src/aws/protocol/rest-json.ts';
import { forSeeds, type Random } from './random.ts';

/** A value for every pattern of the models: patterns cannot be run backwards. */
const SAMPLES: [RegExp, string][] = [
  [/iam::/, 'arn:aws:iam::111111111111:role/service/Build_1'],
  [/network-connector:\[/, 'my-connector'],
  [/microvm-image/, 'arn:aws:lambda:eu-west-1:111111111111:microvm-image:demo'],
  [/^subnet-/, 'subnet-0a1b'],
  [/^sg-/, 'sg-0A1b'],
];

function sample(pattern: string): string {
  return SAMPLES.find(([match]) => match.test(pattern))?.[1] ?? 'abc';
}

/** A change to a valid input, and the path that AWS must name for it. */
interface Breakage {
  apply(): void;
  path: string;
}

const camel = (name: string) => name[0]!.toLowerCase() + name.slice(1);

class Generator {
  readonly #model: ServiceModel;
  readonly #random: Random;
  readonly breakages: Breakage[] = [];

  constructor(model: ServiceModel, random: Random) {
    this.#model = model;
    this.#random = random;
  }

  structure(shape: Shape, path: string): Record<string, unknown> {
    const result: Record<string, unknown> = {};
    const members = Object.entries(shape.members ?? {});
    const chosen = shape.union && members.length > 0 ? [this.#random.pick(members)] : members;
    for (const [name, ref] of chosen) {
      const required = shape.required?.includes(name) ?? false;
      if (!required && !shape.union && this.#random.chance(40)) continue;
      const memberPath = path === '' ? camel(name) : `${path}.${camel(name)}`;
      result[name] = this.#value(ref, memberPath, (bad) => {
        result[name] = bad;
      });
      if (required && ref.location !== 'uri') {
        this.breakages.push({ path: memberPath, apply: () => delete result[name] });
      }
    }
    if (shape.union) this.breakages.push({ path, apply: () => delete result[chosen[0]![0]] });
    return result;
  }

  #value(ref: MemberRef, path: string, set: (bad: unknown) => void): unknown {
    const shape = this.#model.shapes[ref.shape]!;
    const broken = (bad: unknown) => this.breakages.push({ path, apply: () => set(bad) });
    switch (shape.type) {
      case 'structure':
        return this.structure(shape, path);
      case 'list': {
        const length = Math.min(Math.max(shape.min ?? 0, this.#random.int(3)), shape.max ?? 3);
        const list: unknown[] = [];
        for (let i = 0; i < length; i++) {
          const plain = this.#model.shapes[shape.member!.shape]!.type !== 'structure';
          const itemPath = plain ? path : `${path}.${i + 1}.member`;
          list.push(
            this.#value(shape.member!, itemPath, (bad) => {
              list[i] = bad;
            }),
          );
        }
        if (shape.min) broken([]);
        return list;
      }
      case 'map': {
        const map: Record<string, unknown> = {};
        for (let i = this.#random.int(3); i > 0; i--) map[`key${i}`] = 'value';
        const value = this.#model.shapes[shape.value!.shape]!;
        if (value.max !== undefined) broken({ ...map, long: 'x'.repeat(value.max + 1) });
        return map;
      }
      case 'string':
        if (shape.enum) {
          broken('NO_SUCH_VALUE');
          return this.#random.pick(shape.enum);
        }
        if (shape.max !== undefined && shape.max < 10_000) broken('a'.repeat(shape.max + 1));
        if (shape.pattern) {
          if (!shape.pattern.startsWith('(') || !shape.pattern.endsWith('*)')) broken(' : *');
          return sample(shape.pattern);
        }
        return 'x'.repeat(Math.max(shape.min ?? 0, 3));
      case 'integer':
        if (shape.max !== undefined) broken(shape.max + 1);
        if (shape.min !== undefined) broken(shape.min - 1);
        return Math.min((shape.min ?? 0) + this.#random.int(5), shape.max ?? Number.POSITIVE_INFINITY);
      case 'boolean':
        return this.#random.chance(50);
      default:
        throw new Error(`no generator for ${shape.type}`);
    }
  }
}

for (const name of ['lambda-microvms', 'lambda-core'] as const) {
  describe(`validation from the model of ${name}`, () => {
    const model = loadModel(name);
    const service = new RestJsonService(model, { absentAsNull: true });

    test('random valid inputs pass; each single breakage is named by its path', async () => {
      let broken = 0;
      await forSeeds(25, (random) => {
        for (const [operationName, operation] of service.operations) {
          const shape = operation.model.input && model.shapes[operation.model.input];
          if (!shape) continue;
          const make = (seeded: Random) => {
            const generator = new Generator(model, seeded);
            return { input: generator.structure(shape, ''), breakages: generator.breakages };
          };
          const valid = make(random);
          operation.validate(valid.input);
          if (valid.breakages.length === 0) continue;
          const breakage = random.pick(valid.breakages);
          breakage.apply();
          assert.throws(
            () => operation.validate(valid.input),
            (error: Error) => {
              assert.match(error.message, /^\d+ validation errors? detected: Value/);
              assert.ok(
                error.message.includes(` at '${breakage.path}' `),
                `${operationName}: ${breakage.path} in ${error.message}`,
              );
              return true;
            },
            `${operationName} ${breakage.path}`,
          );
          broken++;
        }
      });
      assert.ok(broken > 50);
    });

    test('types and model agree', () => {
      const words = (text: string) =>
        text
          .replaceAll(/[\s;,]+/g, ' ')
          .replaceAll(' }', '}')
          .replaceAll('{ ', '{')
          .replaceAll('= | ', '= ');
      const stored = readFileSync(new URL(`../../src/aws/models/${name}.ts`, import.meta.url), 'utf8');
      assert.equal(
        words(stored),
        words(generateTypes(name)),
        'run: node scripts/generate-types.ts && npm run format',
      );
    });
  });
}

test('a body full of faults gets a short answer', () => {
  const operation = new RestJsonService(loadModel('lambda-microvms'), { absentAsNull: true }).operations.get(
    'CreateMicrovmImage',
  )!;
  const cpuConfigurations = Array.from({ length: 100_000 }, () => ({}));
  assert.throws(
    () => operation.validate({ cpuConfigurations }),
    (error: Error) => error.message.startsWith('100 validation errors') && error.message.length < 20_000,
  );
});

test('a map key called __proto__ stays data', () => {
  const operation = new RestJsonService(loadModel('lambda-microvms'), { absentAsNull: true }).operations.get(
    'TagResource',
  )!;
  const input = operation.parse({
    labels: { Resource: 'x' },
    query: '',
    header: () => undefined,
    body: Buffer.from('{"Tags":{"__proto__":"v","constructor":"w"},"__proto__":{"Resource":"y"}}'),
  });
  assert.deepEqual(Object.entries(input.Tags as object), [
    ['__proto__', 'v'],
    ['constructor', 'w'],
  ]);
  assert.equal(input.Resource, 'x');
  assert.equal(({} as Record<string, unknown>).Resource, undefined);
});
