import type { MicrovmImageSummary, MicrovmItem } from '../../aws/models/lambda-microvms.ts';
import { callLambda } from './aws.ts';
import type { Wire } from './call.ts';
import type { Connection } from './connection.ts';

/** Every item of a paged list. */
export async function listAll<Item>(
  connection: Connection,
  operation: string,
  input: Record<string, unknown> = {},
): Promise<Item[]> {
  const all: Item[] = [];
  let nextToken: string | undefined;
  do {
    const page = await callLambda<{ items: Item[]; nextToken?: string | null }>(connection, operation, {
      ...input,
      ...(nextToken && { nextToken }),
    });
    all.push(...page.items);
    nextToken = page.nextToken ?? undefined;
  } while (nextToken !== undefined);
  return all;
}

/** Newest first, ended ones too. */
export const listMicrovms = (connection: Connection, input: Record<string, unknown> = {}) =>
  listAll<Wire<MicrovmItem>>(connection, 'ListMicrovms', input);

export const listImages = (connection: Connection) =>
  listAll<Wire<MicrovmImageSummary>>(connection, 'ListMicrovmImages');
