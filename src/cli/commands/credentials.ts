import { readFileSync } from 'node:fs';
import { SquibError } from '../../errors/squib-error.ts';
import type { CredentialDescription, SquibOperations } from '../../extensions/squib-model.ts';
import { callSquib, type Wire } from '../api/call.ts';
import { findConnection } from '../api/connection.ts';
import { command, connectionOptions, jsonOption, type Values } from '../command.ts';
import { printJson } from '../print.ts';
import { table } from '../table.ts';
import { UsageError } from '../usage-error.ts';

const options = {
  policy: { type: 'string', value: 'FILE', complete: 'file', help: 'IAM policy document in JSON' },
  expires: { type: 'string', value: 'TIME', help: 'ISO 8601, for example 2027-01-31T00:00:00Z' },
  enable: { type: 'boolean', help: 'let it work again' },
  disable: { type: 'boolean', help: 'let it work no more' },
  ...jsonOption,
  ...connectionOptions,
} as const;

export const credentials = command({
  summary: 'make, list, change and delete credentials with an IAM policy',
  synopsis: [
    'credentials create NAME --policy FILE [--expires TIME] [--json]',
    'credentials list [--json]',
    'credentials show NAME [--json]',
    'credentials update NAME [--policy FILE] [--expires TIME] [--enable | --disable] [--json]',
    'credentials delete NAME',
  ],
  description: `A credential belongs to a user of that name and may do what its policy allows. The secret access key is shown once, by
'create'. Changes hold from the next request on.`,
  options,
  complete: [['create', 'list', 'show', 'update', 'delete']],
  examples: ['squib credentials create ci --policy ci-policy.json', 'squib credentials update ci --disable'],
  async run({ values, positionals }) {
    const [verb, name, ...rest] = positionals;
    if (verb === undefined || !Object.hasOwn(verbs, verb) || rest.length > 0) {
      throw new UsageError(verb === undefined ? 'What to do is missing.' : `'${verb}' is not understood.`);
    }
    await verbs[verb as keyof typeof verbs](values, name);
  },
});

type Given = Values<typeof options>;
type Description = Wire<CredentialDescription>;

const verbs = {
  async create(values: Given, name: string | undefined) {
    if (values.policy === undefined) throw new UsageError('--policy FILE is missing.');
    const { policy, expires } = values;
    const made = await call(values, 'CreateCredential', {
      userName: named(name),
      policyDocument: readPolicy(policy),
      ...(expires !== undefined && { expiresAt: time(expires) }),
    });
    if (values.json) return printJson(made);
    console.log(`User               ${made.userName} (${made.arn})`);
    console.log(`Access key id      ${made.accessKeyId}`);
    console.log(`Secret access key  ${made.secretAccessKey}`);
    console.log('\nKeep the secret now: squib does not show it again.');
  },

  async list(values: Given) {
    const { items } = await call(values, 'ListCredentials', {});
    if (values.json) return printJson(items);
    if (items.length === 0) return console.log("There are no credentials but the root's.");
    const rows = items.map((item) => [
      ...[item.userName, item.accessKeyId, state(item), item.createdAt, item.expiresAt ?? 'never'],
    ]);
    console.log(table(['NAME', 'ACCESS KEY ID', 'STATE', 'CREATED', 'EXPIRES'], rows));
  },

  async show(values: Given, name: string | undefined) {
    const item = await call(values, 'GetCredential', { userName: named(name) });
    if (values.json) return printJson(item);
    console.log(`User           ${item.userName} (${item.arn})`);
    console.log(`Access key id  ${item.accessKeyId}`);
    console.log(`State          ${state(item)}`);
    console.log(`Created        ${item.createdAt}`);
    console.log(`Expires        ${item.expiresAt ?? 'never'}`);
    console.log(`Policy\n${item.policyDocument.trimEnd()}`);
  },

  async update(values: Given, name: string | undefined) {
    const { policy, expires, enable, disable } = values;
    if (enable && disable) throw new UsageError('--enable and --disable exclude each other.');
    const changed = await call(values, 'UpdateCredential', {
      userName: named(name),
      ...(policy !== undefined && { policyDocument: readPolicy(policy) }),
      ...(expires !== undefined && { expiresAt: time(expires) }),
      ...((enable || disable) && { enabled: enable === true }),
    });
    if (values.json) return printJson(changed);
    console.log(`${changed.userName} is ${state(changed)} and expires ${changed.expiresAt ?? 'never'}.`);
  },

  async delete(values: Given, name: string | undefined) {
    await call(values, 'DeleteCredential', { userName: named(name) });
    if (!values.json) console.log(`${name} is deleted; its key no longer works.`);
  },
};

function call<Name extends keyof SquibOperations>(
  values: Given,
  name: Name,
  input: Wire<SquibOperations[Name]['input']>,
) {
  return callSquib(findConnection(values), name, input);
}

function named(name: string | undefined): string {
  if (name === undefined) throw new UsageError('NAME is missing.');
  return name;
}

function time(text: string): string {
  const milliseconds = Date.parse(text);
  if (Number.isNaN(milliseconds)) throw new UsageError(`'${text}' is no time.`);
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
