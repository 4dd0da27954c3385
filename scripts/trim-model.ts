/**
 * Reduces an AWS service model (botocore's `service-2.json` and `paginators-1.json`) to what squib reads.
 * Usage: node scripts/trim-model.ts FOLDER-OF-THE-MODEL src/aws/models/NAME.json
 */
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';

type Json = Record<string, unknown>;

/** A model as botocore ships it, as far as it is read here. */
export interface ServiceFile {
  metadata: { apiVersion: string; protocol: string; serviceId: string; signingName?: string };
  operations: Record<string, Json>;
  shapes: Record<string, Json>;
}

/** `src/aws/models/NAME.json` (src/aws/protocol/model.ts says what it means). */
export interface TrimmedModel {
  metadata: Json;
  operations: Record<string, Json>;
  shapes: Record<string, Json>;
}

/** Sensitive at AWS although the public model does not mark them (spec: control-plane 1.2). */
const SENSITIVE_MEMBERS = new Set(['RunMicrovmRequest.runHookPayload']);

export function trimModel(given: ServiceFile, paginators: Json): TrimmedModel {
  const service = structuredClone(given);
  const { apiVersion, protocol, serviceId, signingName } = service.metadata;

  const operations: Record<string, Json> = {};
  for (const [name, operation] of Object.entries(service.operations)) {
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

  const shapes: Record<string, Json> = {};
  for (const [name, kept] of Object.entries(service.shapes)) {
    for (const key of ['box', 'documentation', 'deprecated', 'retryable', 'fault']) delete kept[key];
    for (const [memberName, member] of Object.entries((kept.members ?? {}) as Record<string, Json>)) {
      delete member.documentation;
      if (SENSITIVE_MEMBERS.has(`${name}.${memberName}`)) member.sensitive = true;
    }
    if (kept.error) kept.error = { httpStatusCode: (kept.error as Json).httpStatusCode };
    shapes[name] = kept;
  }
  return { metadata: { apiVersion, protocol, serviceId, signingName }, operations, shapes };
}

/** One line for each operation and shape: short to read, and a changed member shows as one changed line. */
function lines(entries: Record<string, Json>): string {
  return Object.entries(entries)
    .map(([name, value]) => `    ${JSON.stringify(name)}: ${JSON.stringify(value)}`)
    .join(',\n');
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) {
  const [folder, target] = process.argv.slice(2);
  if (!folder || !target) throw new Error('usage: node scripts/trim-model.ts MODEL-FOLDER TARGET.json');
  const read = (name: string) => JSON.parse(readFileSync(join(folder, name), 'utf8'));
  const model = trimModel(read('service-2.json'), read('paginators-1.json').pagination);
  writeFileSync(
    target,
    `{\n  "metadata": ${JSON.stringify(model.metadata)},\n  "operations": {\n${lines(model.operations)}\n  },\n  "shapes": {\n${lines(model.shapes)}\n  }\n}\n`,
  );
}
