import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { SquibError } from '../../errors/squib-error.ts';
import type { CredentialDescription, SquibOperations } from '../../extensions/squib-model.ts';
import { callSquib, type Wire } from '../api/call.ts';
import { findConnection } from '../api/connection.ts';
import type { Command } from '../command.ts';
import { table } from '../table.ts';

const options = {
  config: { type: 'string' },
  policy: { type: 'string' },
  expires: { type: 'string' },
  enable: { type: 'boolean' },
  disable: { type: 'boolean' },
  json: { type: 'boolean' },
} as const;

const remedy = "'squib help credentials' shows how it is used.";

export const credentials: Command = {
  summary: 'make, list, change and delete credentials with an IAM policy',
  usage: `squib credentials create NAME --policy FILE [--expires TIME] [--json]
squib credentials list [--json]
squib credentials show NAME [--json]
squib credentials update NAME [--policy FILE] [--expires TIME] [--enable | --disable] [--json]
squib credentials delete NAME

A credential belongs to a user of that name and may do what its policy (an IAM policy document in JSON) allows. The
secret access key is shown once, by 'create'. TIME is ISO 8601, for example 2027-01-31T00:00:00Z. Changes hold from the
next request on. With --config or without AWS_ENDPOINT_URL the squib of this machine is asked, as root.

Examples:
  squib credentials create ci --policy ci-policy.json
  squib credentials update ci --disable`,
  async run(args) {
    const { values, positionals } = parse(args);
    const [verb, name, ...rest] = positionals;
    if (verb === undefined || !Object.hasOwn(verbs, verb) || rest.length > 0) {
      throw new SquibError(
        verb === undefined ? 'What to do is missing.' : `'${verb}' is not understood.`,
        remedy,
      );
    }
    await verbs[verb as keyof typeof verbs](values, name);
  },
};

type Values = ReturnType<typeof parse>['values'];
type Description = Wire<CredentialDescription>;

function parse(args: string[]) {
  try {
    return parseArgs({ args, options, allowPositionals: true });
  } catch (error) {
    throw new SquibError((error as Error).message, remedy, { cause: error });
  }
}

const verbs = {
  async create(values: Values, name: string | undefined) {
    if (values.policy === undefined) throw new SquibError('--policy FILE is missing.', remedy);
    const { policy, expires } = values;
    const made = await call(values, 'CreateCredential', {
      userName: named(name),
      policyDocument: readPolicy(policy),
      ...(expires !== undefined && { expiresAt: time(expires) }),
    });
    if (values.json) return print(made);
    console.log(`User               ${made.userName} (${made.arn})`);
    console.log(`Access key id      ${made.accessKeyId}`);
    console.log(`Secret access key  ${made.secretAccessKey}`);
    console.log('\nKeep the secret now: squib does not show it again.');
  },

  async list(values: Values) {
    const { items } = await call(values, 'ListCredentials', {});
    if (values.json) return print(items);
    if (items.length === 0) return console.log("There are no credentials but the root's.");
    const rows = items.map((item) => [
      ...[item.userName, item.accessKeyId, state(item), item.createdAt, item.expiresAt ?? 'never'],
    ]);
    console.log(table(['NAME', 'ACCESS KEY ID', 'STATE', 'CREATED', 'EXPIRES'], rows));
  },

  async show(values: Values, name: string | undefined) {
    const item = await call(values, 'GetCredential', { userName: named(name) });
    if (values.json) return print(item);
    console.log(`User           ${item.userName} (${item.arn})`);
    console.log(`Access key id  ${item.accessKeyId}`);
    console.log(`State          ${state(item)}`);
    console.log(`Created        ${item.createdAt}`);
    console.log(`Expires        ${item.expiresAt ?? 'never'}`);
    console.log(`Policy\n${item.policyDocument.trimEnd()}`);
  },

  async update(values: Values, name: string | undefined) {
    const { policy, expires, enable, disable } = values;
    if (enable && disable) throw new SquibError('--enable and --disable exclude each other.', remedy);
    const changed = await call(values, 'UpdateCredential', {
      userName: named(name),
      ...(policy !== undefined && { policyDocument: readPolicy(policy) }),
      ...(expires !== undefined && { expiresAt: time(expires) }),
      ...((enable || disable) && { enabled: enable === true }),
    });
    if (values.json) return print(changed);
    console.log(`${changed.userName} is ${state(changed)} and expires ${changed.expiresAt ?? 'never'}.`);
  },

  async delete(values: Values, name: string | undefined) {
    await call(values, 'DeleteCredential', { userName: named(name) });
    if (!values.json) console.log(`${name} is deleted; its key no longer works.`);
  },
};

function call<Name extends keyof SquibOperations>(
  values: Values,
  name: Name,
  input: Wire<SquibOperations[Name]['input']>,
) {
  return callSquib(findConnection(values.config), name, input);
}

const print = (value: unknown) => console.log(JSON.stringify(value, undefined, 2));

function named(name: string | undefined): string {
  if (name === undefined) throw new SquibError('NAME is missing.', remedy);
  return name;
}

function time(text: string): string {
  const milliseconds = Date.parse(text);
  if (Number.isNaN(milliseconds)) throw new SquibError(`'${text}' is no time.`, remedy);
  return new Date(milliseconds).toISOString();
}

function readPolicy(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    throw new SquibError(`The policy file ${file} cannot be read.`, 'Check its path and mode.', {
      cause: error,
    });
  }
}

function state({ enabled, expiresAt }: Description): string {
  if (!enabled) return 'disabled';
  return expiresAt !== undefined && Date.parse(expiresAt) <= Date.now() ? 'expired' : 'enabled';
}
