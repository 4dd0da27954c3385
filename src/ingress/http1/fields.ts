import type { Fields } from '../inbound.ts';

/**
 * One field line. Positive classes on purpose: no bare CR, LF, NUL or other control can be part of a value, no
 * space can stand before the colon, no line can continue the one before.
 */
const fieldLine = /([!#$%&'*+\-.^_`|~\w]+):([\t\x20-\x7e\x80-\xff]*)\r\n/y;

const space = 32;
const tab = 9;
const blank = (code: number) => code === space || code === tab;

function trim(value: string): string {
  let from = 0;
  let to = value.length;
  while (from < to && blank(value.charCodeAt(from))) from++;
  while (to > from && blank(value.charCodeAt(to - 1))) to--;
  return from === 0 && to === value.length ? value : value.slice(from, to);
}

/**
 * Reads field lines from `from` to the end of `text`, each with its line end.
 * @returns undefined when a line is malformed or there are more than `most`.
 */
export function readFields(text: string, from: number, most: number): Fields | undefined {
  const fields: Fields = [];
  let at = from;
  while (at < text.length) {
    fieldLine.lastIndex = at;
    const match = fieldLine.exec(text);
    if (!match || fields.length >= 2 * most) return undefined;
    fields.push(match[1]!, trim(match[2]!));
    at = fieldLine.lastIndex;
  }
  return fields;
}

/** Fields as text, each with its line end. */
export function writeFields(fields: Fields): string {
  let text = '';
  for (let at = 0; at < fields.length; at += 2) text += `${fields[at]}: ${fields[at + 1]}\r\n`;
  return text;
}

/** Body lengths are digits only: no sign, no list, nothing that two parsers could read differently. */
export function readLength(value: string): number | undefined {
  return /^\d{1,15}$/.test(value) ? Number(value) : undefined;
}

/** Fields that may not stand in trailers because they say how a message is framed, routed or authenticated. */
const notInTrailers =
  /^(?:content-length|transfer-encoding|host|connection|keep-alive|te|trailer|upgrade|content-encoding|content-type|content-range|authorization|cookie|set-cookie|x-aws-proxy-.*|x-amzn-requestid)$/i;

export function allowedTrailers(fields: Fields): Fields {
  const kept: Fields = [];
  for (let at = 0; at < fields.length; at += 2) {
    if (!notInTrailers.test(fields[at]!)) kept.push(fields[at]!, fields[at + 1]!);
  }
  return kept;
}
