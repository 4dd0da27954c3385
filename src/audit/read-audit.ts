import { existsSync } from 'node:fs';
import { type FileHandle, open, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** One line of the audit log: what tables show, and the whole record as JSON. */
export interface AuditEvent {
  eventId: string;
  eventTime: Date;
  eventName: string;
  eventSource: string;
  /** ARN of who called; absent when nobody was authenticated. */
  principal?: string | undefined;
  sourceIpAddress: string;
  errorCode?: string | undefined;
  errorMessage?: string | undefined;
  readOnly: boolean;
  record: string;
}

export interface AuditQuery {
  /** A text that the record holds, whatever its case. */
  filter?: string | undefined;
  includeReads?: boolean | undefined;
  maxResults?: number | undefined;
  /** From the answer before. */
  nextToken?: string | undefined;
}

const PAGE = 50;
const CHUNK = 256 * 1024;
/** So much is looked through for one answer; a rare word is found by asking on. */
const LONGEST_LOOK = 16 * 1024 * 1024;

/**
 * Reads the audit log from its end. A token names a file by its inode, because files are renamed when a new one begins.
 * @param folder of the log
 */
export async function readAudit(
  folder: string,
  query: AuditQuery,
): Promise<{ items: AuditEvent[]; nextToken?: string | undefined }> {
  const { filter = '', includeReads = false, maxResults = PAGE } = query;
  const wanted = filter.toLowerCase();
  const items: AuditEvent[] = [];
  let looked = 0;
  for await (const { line, token } of linesFromEnd(folder, query.nextToken)) {
    looked += line.length;
    if (wanted === '' || line.toLowerCase().includes(wanted)) {
      const event = toEvent(line);
      if (event && (includeReads || !event.readOnly || event.errorCode !== undefined)) items.push(event);
    }
    if (items.length >= maxResults || looked >= LONGEST_LOOK) return { items, nextToken: token };
  }
  return { items };
}

/** Whole lines, newest first; `token` continues before that line. */
async function* linesFromEnd(folder: string, token: string | undefined) {
  const [inode, from] = token?.split(':').map(Number) ?? [];
  let found = inode === undefined;
  for (const file of files(folder)) {
    const { ino, size } = await stat(file);
    if (!found && ino !== inode) continue;
    const end = found ? size : (from ?? size);
    found = true;
    const handle = await open(file);
    try {
      for await (const { line, at } of linesBefore(handle, end)) yield { line, token: `${ino}:${at}` };
    } finally {
      await handle.close();
    }
  }
}

/** The current file first, then the ones before it. */
function files(folder: string): string[] {
  const names = [join(folder, 'audit.jsonl')];
  for (let number = 1; existsSync(join(folder, `audit.jsonl.${number}`)); number++) {
    names.push(join(folder, `audit.jsonl.${number}`));
  }
  return names.filter((name) => existsSync(name));
}

async function* linesBefore(handle: FileHandle, end: number): AsyncGenerator<{ line: string; at: number }> {
  let rest = Buffer.alloc(0);
  let start = end;
  while (start > 0) {
    const size = Math.min(CHUNK, start);
    start -= size;
    const chunk = Buffer.alloc(size);
    await handle.read(chunk, 0, size, start);
    rest = Buffer.concat([chunk, rest]);
    // What stands before the first line break may have begun in the chunk before.
    const first = start === 0 ? 0 : rest.indexOf(10) + 1;
    if (first === 0 && start > 0) continue;
    let stop = rest.length;
    while (stop > first) {
      const from = rest.lastIndexOf(10, stop - 2) + 1;
      const line = rest.subarray(from, stop).toString().trim();
      if (line !== '') yield { line, at: start + from };
      stop = from;
    }
    rest = rest.subarray(0, first);
  }
}

function toEvent(record: string): AuditEvent | undefined {
  let event: Record<string, unknown>;
  try {
    event = JSON.parse(record) as Record<string, unknown>;
  } catch {
    // A line that a crash cut short.
    return undefined;
  }
  const text = (name: string) => String(event[name] ?? '');
  const optional = (value: unknown) => (value === undefined ? undefined : String(value));
  return {
    eventId: text('eventID'),
    eventTime: new Date(text('eventTime')),
    eventName: text('eventName'),
    eventSource: text('eventSource'),
    principal: optional((event.userIdentity as { arn?: string } | undefined)?.arn),
    sourceIpAddress: text('sourceIPAddress'),
    errorCode: optional(event.errorCode),
    errorMessage: optional(event.errorMessage),
    readOnly: event.readOnly === true,
    record,
  };
}
