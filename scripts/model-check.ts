/**
 * Says what changed between squib's trimmed model and a newer one of AWS's.
 * Usage: npm run model:check -- FILE…   (botocore's `service-2.json`, plain or gzipped; `paginators-1.json` beside it
 * is compared too). Ends with 0 when nothing changed, 1 when something did, 2 when a file cannot be compared.
 */
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { gunzipSync } from 'node:zlib';
import { type ServiceFile, type TrimmedModel, trimModel } from './trim-model.ts';

const MODELS = new URL('../src/aws/models/', import.meta.url);
const BY_SERVICE: Record<string, string> = {
  'Lambda Microvms': 'lambda-microvms',
  'Lambda Core': 'lambda-core',
};

type Json = undefined | null | boolean | number | string | Json[] | { [name: string]: Json };

const isObject = (value: Json): value is { [name: string]: Json } =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

/** A list of names, whose order says nothing: `required`, `enum`, `errors`. */
const isNames = (value: Json): value is string[] =>
  Array.isArray(value) && value.every((item) => typeof item === 'string');

const show = (value: Json) => (isObject(value) ? JSON.stringify(value) : String(JSON.stringify(value)));

/** One line per difference: `+` is new, `-` is gone, `~` is different. */
function compare(path: string, ours: Json, theirs: Json): string[] {
  if (isObject(ours) && isObject(theirs)) {
    const names = [...new Set([...Object.keys(ours), ...Object.keys(theirs)])];
    return names.flatMap((name) => compare(`${path} ${name}`, ours[name], theirs[name]));
  }
  if (isNames(ours) && isNames(theirs)) {
    const added = theirs.filter((name) => !ours.includes(name)).map((name) => `+ ${path}: ${name}`);
    const gone = ours.filter((name) => !theirs.includes(name)).map((name) => `- ${path}: ${name}`);
    return [...gone, ...added];
  }
  if (JSON.stringify(ours) === JSON.stringify(theirs)) return [];
  if (ours === undefined) return [`+ ${path}: ${show(theirs)}`];
  if (theirs === undefined) return [`- ${path}: ${show(ours)}`];
  return [`~ ${path}: ${show(ours)} → ${show(theirs)}`];
}

/** What a newer model has differently, in words of the model. */
export function compareModels(ours: TrimmedModel, theirs: TrimmedModel): string[] {
  const plain = (value: unknown) => JSON.parse(JSON.stringify(value)) as Json;
  return [
    ...compare('metadata', plain(ours.metadata), plain(theirs.metadata)),
    ...compare('operation', plain(ours.operations), plain(theirs.operations)),
    ...compare('shape', plain(ours.shapes), plain(theirs.shapes)),
  ];
}

function readModel(file: string): ServiceFile {
  const bytes = readFileSync(file);
  const text = bytes[0] === 0x1f && bytes[1] === 0x8b ? gunzipSync(bytes) : bytes;
  return JSON.parse(text.toString('utf8')) as ServiceFile;
}

/** @returns the differences of one file, or undefined for a service that squib has no model of */
function check(file: string): string[] | undefined {
  const service = readModel(file);
  const name = BY_SERVICE[service.metadata.serviceId];
  if (name === undefined) return undefined;
  const ours = JSON.parse(readFileSync(new URL(`${name}.json`, MODELS), 'utf8')) as TrimmedModel;
  const beside = join(dirname(file), 'paginators-1.json');
  const paginators = existsSync(beside)
    ? JSON.parse(readFileSync(beside, 'utf8')).pagination
    : Object.fromEntries(Object.entries(ours.operations).map(([key, { paginator }]) => [key, paginator]));
  return compareModels(ours, trimModel(service, paginators));
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const files = process.argv.slice(2);
  if (files.length === 0) {
    console.error('usage: npm run model:check -- FILE…   (service-2.json of a newer botocore)');
    process.exitCode = 2;
  }
  for (const file of files) {
    try {
      const changes = check(file);
      if (changes === undefined) throw new Error('squib has no model of this service');
      console.log(`${file}: ${changes.length === 0 ? 'nothing changed' : `${changes.length} changes`}`);
      for (const line of changes) console.log(`  ${line}`);
      if (changes.length > 0) process.exitCode ||= 1;
    } catch (error) {
      console.error(`${file}: ${(error as Error).message}`);
      process.exitCode = 2;
    }
  }
}
