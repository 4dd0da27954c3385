import { isUtf8 } from 'node:buffer';
import type { Answer } from '../http/answer.ts';
import { serializationError, type WireError } from './wire-error.ts';

const TYPE = { 'content-type': 'application/x-amz-json-1.1' };

/** `Logs_20140328.PutLogEvents` → `PutLogEvents`; empty without the header. */
export function targetAction(target: string | undefined): string {
  return target?.slice(target.lastIndexOf('.') + 1) ?? '';
}

/** @throws WireError `SerializationException` */
export function parseJsonObject(body: Buffer): Record<string, unknown> {
  if (body.length === 0) return {};
  let value: unknown;
  try {
    value = isUtf8(body) ? JSON.parse(body.toString('utf8')) : undefined;
  } catch {
    value = undefined;
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw serializationError('The request body is not a JSON object.');
  }
  return value as Record<string, unknown>;
}

export function jsonRpcAnswer(output: Record<string, unknown>): Answer {
  return { status: 200, headers: TYPE, body: JSON.stringify(output) };
}

export function jsonRpcErrorAnswer({ code, status, message }: WireError): Answer {
  return {
    status,
    headers: { ...TYPE, 'x-amzn-errortype': code },
    body: JSON.stringify({ __type: code, message }),
  };
}
