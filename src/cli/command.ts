import { parseArgs } from 'node:util';
import { UsageError } from './usage-error.ts';

/** One option of a command, in the form of `util.parseArgs`, with what help and completion say about it. */
export interface Option {
  type: 'string' | 'boolean';
  short?: string;
  /** May be given several times. */
  multiple?: boolean;
  /** Placeholder of the value in help: `MIB`. */
  value?: string;
  /** What completion offers for the value. */
  complete?: Completion;
  help: string;
}

/** What an argument can be completed with; a list is taken as it is. */
export type Completion = 'microvm' | 'image' | 'file' | 'command' | readonly string[];

export type Options = Readonly<Record<string, Option>>;

/** Values of options as the command line gave them. */
export type Values<Table extends Options> = {
  [Name in keyof Table]?: Table[Name]['type'] extends 'boolean'
    ? boolean
    : Table[Name] extends { multiple: true }
      ? string[]
      : string;
};

export interface Definition<Table extends Options> {
  /** One line for `squib help`. */
  summary: string;
  /** Each way to call it, without `squib`. */
  synopsis: readonly string[];
  /** What it does, in paragraphs; ends without a blank line. */
  description: string;
  options: Table;
  /** Arguments by their position; the last one stands for all that follow. */
  complete?: readonly Completion[];
  /** Whole command lines. */
  examples: readonly string[];
  /** What follows belongs to another program and is not looked at: everything behind this many arguments. */
  passThrough?: number;
  /** Resolves when the command is done; rejects with what `reportAndExit` prints. */
  run(given: { values: Values<Table>; positionals: string[] }): Promise<void>;
}

/** One subcommand of `squib`. */
export type Command = Omit<Definition<Options>, 'run'> & {
  run(args: string[]): Promise<void>;
};

/** For every command that asks a squib. */
export const connectionOptions = {
  profile: { type: 'string', value: 'NAME', help: 'profile of ~/.aws/config that names the squib to ask' },
  config: {
    type: 'string',
    value: 'FILE',
    help: 'configuration of the squib of this machine, asked as root',
  },
} as const satisfies Options;

/** For commands whose result is also for programs. */
export const jsonOption = { json: { type: 'boolean', help: 'print JSON' } } as const satisfies Options;

/** A command whose arguments are checked before it runs. */
export function command<const Table extends Options>(definition: Definition<Table>): Command {
  const { run, options, passThrough } = definition;
  return {
    ...definition,
    async run(args) {
      const at = passThrough === undefined ? args.length : behind(args, options, passThrough);
      const { values, positionals } = parse(args.slice(0, at), options);
      await run({ values: values as Values<Table>, positionals: [...positionals, ...args.slice(at)] });
    },
  };
}

function parse(args: string[], options: Options) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    // The first sentence is about the mistake; Node's advice behind it is about another syntax.
    const [sentence = ''] = (error as Error).message.split('. ');
    throw new UsageError(`${sentence.replace(/\.$/, '')}.`, { cause: error });
  }
}

/** Index behind the first `count` arguments that are no options. */
function behind(args: readonly string[], options: Options, count: number): number {
  let found = 0;
  for (let at = 0; at < args.length; at++) {
    const arg = args[at]!;
    if (arg === '--') return at;
    if (!arg.startsWith('-') || arg === '-') {
      if (++found === count) return args[at + 1] === '--' ? at + 2 : at + 1;
    } else if (takesNext(arg, options)) at++;
  }
  return args.length;
}

function takesNext(arg: string, options: Options): boolean {
  if (arg.startsWith('--')) return !arg.includes('=') && options[arg.slice(2)]?.type === 'string';
  const last = arg.at(-1);
  return Object.values(options).some(({ type, short }) => type === 'string' && short === last);
}
