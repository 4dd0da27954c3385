import type { CommandOrder } from '../../control/host.ts';

/** First byte of the binary messages that carry output. */
export const channel = { stdout: 1, stderr: 2 } as const;

/** What a client may say in text; binary messages are the command's input. */
export type ClientMessage =
  | ({ type: 'start' } & CommandOrder)
  | { type: 'end' }
  | { type: 'resize'; columns: number; rows: number }
  | { type: 'signal'; signal: string };

/** What squib says in text; binary messages are output. */
export type ServerMessage =
  | { type: 'started' }
  | { type: 'exit'; code: number }
  | { type: 'error'; message: string };

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value);
const isText = (value: unknown): value is string => typeof value === 'string';
const isSize = (value: unknown): value is number =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) < 65_536;

/** @throws Error that says what is wrong with the message */
export function readMessage(text: string): ClientMessage {
  let message: unknown;
  try {
    message = JSON.parse(text);
  } catch {
    throw new Error('A text message must be JSON.');
  }
  if (!isRecord(message)) throw new Error('A text message must be a JSON object.');
  const { type } = message;
  if (type === 'start') return { type, ...readOrder(message) };
  if (type === 'end') return { type };
  if (type === 'resize' && isSize(message.columns) && isSize(message.rows)) {
    return { type, columns: message.columns, rows: message.rows };
  }
  if (type === 'signal' && isText(message.signal)) return { type, signal: message.signal };
  throw new Error(`The message of type ${JSON.stringify(type)} is not known, or not complete.`);
}

function readOrder({
  command,
  environment,
  workingDirectory,
  user,
  terminal,
}: Record<string, unknown>): CommandOrder {
  if (!Array.isArray(command) || command.length === 0 || !command.every(isText)) {
    throw new Error("'command' must be a list of texts, the program first.");
  }
  if (environment !== undefined && !(isRecord(environment) && Object.values(environment).every(isText))) {
    throw new Error("'environment' must be an object of texts.");
  }
  if (Object.keys(environment ?? {}).some((name) => name === '' || name.includes('='))) {
    throw new Error("The names in 'environment' must not be empty or hold '='.");
  }
  if (workingDirectory !== undefined && !(isText(workingDirectory) && workingDirectory.startsWith('/'))) {
    throw new Error("'workingDirectory' must be an absolute path.");
  }
  if (user !== undefined && !(isText(user) && user !== ''))
    throw new Error("'user' must be a name or a number.");
  if (terminal !== undefined && !(isRecord(terminal) && isSize(terminal.columns) && isSize(terminal.rows))) {
    throw new Error("'terminal' must have 'columns' and 'rows'.");
  }
  const order = { command, environment, workingDirectory, user, terminal } as CommandOrder;
  const texts = [...command, ...Object.entries(environment ?? {}).flat(), workingDirectory, user];
  if (texts.some((text) => isText(text) && text.includes('\0')))
    throw new Error('No text may hold a zero byte.');
  return order;
}
