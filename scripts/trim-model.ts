/**
 * Reduces an AWS service model (botocore's `service-2.json` and `paginators-1.json`) to what squib reads.
 * Usage: node scripts/trim-model.ts FOLDER-OF-THE-MODEL src/aws/models/NAME.json
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

type Json = Record<string, unknown>;

/** Sensitive at AWS although the public model does not mark them (spec: control-plane 1.2). */
const SENSITIVE_MEMBERS = new Set(['RunMicrovmRequest.runHookPayload']);

const [folder, target] = process.argv.slice(2);
if (!folder || !target) throw new Error('usage: node scripts/trim-model.ts MODEL-FOLDER TARGET.json');

const service = JSON.parse(readFileSync(join(folder, 'service-2.json'), 'utf8'));
const paginators = JSON.parse(readFileSync(join(folder, 'paginators-1.json'), 'utf8')).pagination;

const { apiVersion, protocol, serviceId, signingName } = service.metadata;

const operations: Json = {};
for (const [name, operation] of Object.entries<Json>(service.operations)) {
  const http = operation.http as Json;
  operations[name] = {
    method: http.method,
    requestUri: http.requestUri,
    responseCode: http.responseCode ?? 200,
    input: (operation.input as Json | undefined)?.shape,
    output: (operation.output as Json | undefined)?.shape,
    errors: (operation.errors as Json[] | undefined)?.map((error) => error.shape),
    idempotent: operation.idempotent,
    readonly: operation.readonly,
    paginator: paginators[name],
  };
}

const shapes: Json = {};
for (const [name, shape] of Object.entries<Json>(service.shapes)) {
  const kept: Json = { ...shape };
  for (const key of ['box', 'documentation', 'deprecated', 'retryable', 'fault']) delete kept[key];
  for (const [memberName, member] of Object.entries((kept.members ?? {}) as Record<string, Json>)) {
    delete member.documentation;
    if (SENSITIVE_MEMBERS.has(`${name}.${memberName}`)) member.sensitive = true;
  }
  if (kept.error) kept.error = { httpStatusCode: (kept.error as Json).httpStatusCode };
  shapes[name] = kept;
}

/** One line for each operation and shape: short to read, and a changed member shows as one changed line. */
function lines(entries: Json): string {
  return Object.entries(entries)
    .map(([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)}`)
    .join(',\n');
}

const head = JSON.stringify({ apiVersion, protocol, serviceId, signingName });
writeFileSync(
  target,
  `{\n  "metadata": ${head},\n  "operations": {\n${lines(operations)}\n  },\n  "shapes": {\n${lines(shapes)}\n  }\n}\n`,
);
