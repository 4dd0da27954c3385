/** DNS messages, as far as a forwarder must look into them (RFC 1035, RFC 6891). */

export const type = { a: 1, aaaa: 28, opt: 41, https: 65, svcb: 64 } as const;
export const refused = 5;
export const serverFailure = 2;

const headerBytes = 12;
/** What a client takes by UDP that says nothing about it. */
const smallest = 512;
const truncatedBit = 0x02;

/** Not a message that can be understood; it is not passed on. */
export class MalformedMessage extends Error {
  override readonly name = 'MalformedMessage';
}

export interface Record {
  type: number;
  data: Buffer;
}

export interface Message {
  id: number;
  isResponse: boolean;
  truncated: boolean;
  questions: number;
  /** Of the first question, in lower case; undefined where it is not made of plain labels. */
  questionName: string | undefined;
  /** Type of the first question. */
  questionType: number | undefined;
  /** Where the questions end. */
  questionsEnd: number;
  /** Of all sections. */
  records: Record[];
  /** What the sender takes by UDP. */
  udpBytes: number;
}

/** @throws MalformedMessage */
export function parseMessage(bytes: Buffer): Message {
  if (bytes.length < headerBytes) throw new MalformedMessage('too short');
  const questions = bytes.readUInt16BE(4);
  const count = bytes.readUInt16BE(6) + bytes.readUInt16BE(8) + bytes.readUInt16BE(10);
  let at = headerBytes;
  let questionType: number | undefined;
  const questionName = questions > 0 ? plainName(bytes, at) : undefined;
  for (let i = 0; i < questions; i++) {
    at = skipName(bytes, at);
    if (at + 4 > bytes.length) throw new MalformedMessage('question');
    questionType ??= bytes.readUInt16BE(at);
    at += 4;
  }
  const questionsEnd = at;
  const records: Record[] = [];
  let udpBytes = smallest;
  for (let i = 0; i < count; i++) {
    at = skipName(bytes, at);
    if (at + 10 > bytes.length) throw new MalformedMessage('record');
    const kind = bytes.readUInt16BE(at);
    if (kind === type.opt) udpBytes = Math.max(smallest, bytes.readUInt16BE(at + 2));
    const end = at + 10 + bytes.readUInt16BE(at + 8);
    if (end > bytes.length) throw new MalformedMessage('data');
    records.push({ type: kind, data: bytes.subarray(at + 10, end) });
    at = end;
  }
  const truncated = (bytes[2]! & truncatedBit) !== 0;
  const isResponse = (bytes[2]! & 0x80) !== 0;
  return {
    id: bytes.readUInt16BE(0),
    isResponse,
    truncated,
    questions,
    questionName,
    questionType,
    questionsEnd,
    records,
    udpBytes,
  };
}

/** An answer without records; `code` 0 says that the name has none of that type. */
export function emptyAnswer(query: Buffer, { questionsEnd }: Message, code: number): Buffer {
  const answer = Buffer.from(query.subarray(0, questionsEnd));
  answer[2] = 0x80 | (answer[2]! & 0x79); // a response; opcode and "recursion desired" as in the query
  answer[3] = 0x80 | code; // recursion available
  answer.writeUInt16BE(0, 6);
  answer.writeUInt32BE(0, 8);
  return answer;
}

/** The beginning of an answer that is too long for UDP: the client asks again by TCP. */
export function truncated(answer: Buffer, message: Message): Buffer {
  const short = Buffer.from(answer.subarray(0, message.questionsEnd));
  short[2] = short[2]! | truncatedBit;
  short.writeUInt16BE(0, 6);
  short.writeUInt32BE(0, 8);
  return short;
}

/** A name without pointers whose labels hold letters, digits, hyphens and underscores. */
function plainName(bytes: Buffer, from: number): string | undefined {
  const labels: string[] = [];
  for (let at = from; ; ) {
    const length = bytes[at];
    if (length === undefined || length >= 0x40) return undefined;
    if (length === 0) return labels.join('.').toLowerCase();
    const label = bytes.toString('latin1', at + 1, at + 1 + length);
    if (!/^[\w-]+$/.test(label)) return undefined;
    labels.push(label);
    at += length + 1;
  }
}

/** Offset behind a name; the target of a pointer does not matter. */
function skipName(bytes: Buffer, from: number): number {
  for (let at = from; ; ) {
    const length = bytes[at];
    if (length === undefined) throw new MalformedMessage('name');
    if (length === 0) return at + 1;
    if (length >= 0xc0) {
      if (at + 2 > bytes.length) throw new MalformedMessage('pointer');
      return at + 2;
    }
    if (length >= 0x40) throw new MalformedMessage('label');
    at += length + 1;
  }
}
