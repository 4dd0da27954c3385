import { partition } from '../../control/arns.ts';
import type { Documents } from '../../store/documents.ts';
import type { Parameter } from '../../store/parameter-records.ts';
import type { Caller } from '../caller.ts';
import type { AnyHandler } from '../handlers.ts';
import { Members } from '../logs/members.ts';
import { WireError } from '../protocol/wire-error.ts';

const NAME = /^[\w.\-/]{1,1011}$/;
/** Of AWS's standard tier, in characters. */
const longest = 4096;
const mostAPage = 50;

/** A parameter's name out of its name or ARN; a version or label behind a colon is left out. */
export function parameterName(given: string): string {
  const name = /^arn:[^:]+:ssm:[^:]*:\d*:parameter(.+)$/.exec(given)?.[1];
  if (name === undefined) return given.split(':')[0] ?? given;
  return name.lastIndexOf('/') === 0 ? name.slice(1) : name;
}

const view = (parameter: Parameter, { region, accountId }: Caller) => ({
  Name: parameter.name,
  Type: parameter.type,
  Value: parameter.value,
  Version: parameter.version,
  LastModifiedDate: parameter.modifiedAt / 1000,
  ARN: `arn:${partition(region)}:ssm:${region}:${accountId}:parameter${parameter.name.startsWith('/') ? '' : '/'}${parameter.name}`,
  DataType: 'text',
});

const error = (code: string, message: string) => new WireError(code, 400, message);

/** The parameter store of Systems Manager, as far as templates and their tools need it: plain texts, one version. */
export function ssmActions(store: Documents<Parameter>, now: () => number): Record<string, AnyHandler> {
  const find = (given: string): Parameter => {
    const found = store.get(parameterName(given));
    if (!found) throw error('ParameterNotFound', `Parameter ${given} not found.`);
    return found;
  };
  return {
    async PutParameter(input) {
      const members = new Members(input);
      const name = members.required('Name');
      const before = store.get(name);
      const type = members.string('Type') ?? before?.type;
      const value = members.required('Value');
      if (!NAME.test(name)) throw error('ValidationException', `Parameter name ${name} is not valid.`);
      if (type !== 'String' && type !== 'StringList') {
        throw error(
          'UnsupportedParameterType',
          `squib has parameters of the types String and StringList, not ${type ?? '(none)'}: it keeps no secrets.`,
        );
      }
      if (value.length > longest)
        throw error('ValidationException', `Values have at most ${longest} characters.`);
      if (before && !members.boolean('Overwrite')) {
        throw error(
          'ParameterAlreadyExists',
          'The parameter already exists. To overwrite this value, set the overwrite option in the request to true.',
        );
      }
      const allowedPattern = members.string('AllowedPattern');
      if (allowedPattern && !new RegExp(allowedPattern).test(value)) {
        throw error('ParameterPatternMismatchException', `Parameter value does not match ${allowedPattern}.`);
      }
      const tags = Array.isArray(input.Tags) ? members.structures('Tags') : [];
      const version = (before?.version ?? 0) + 1;
      store.put(name, {
        ...{ name, type, value, version, allowedPattern, modifiedAt: now() },
        description: members.string('Description') ?? before?.description,
        tags: {
          ...before?.tags,
          ...Object.fromEntries(tags.map(({ Key, Value }) => [String(Key), String(Value)])),
        },
      });
      return { Version: version, Tier: 'Standard' };
    },
    async GetParameter(input, caller) {
      return { Parameter: view(find(new Members(input).required('Name')), caller) };
    },
    async GetParameters(input, caller) {
      const names = new Members(input).strings('Names') ?? [];
      const found = names.map((name) => [name, store.get(parameterName(name))] as const);
      return {
        Parameters: found.flatMap(([, parameter]) => (parameter ? [view(parameter, caller)] : [])),
        InvalidParameters: found.flatMap(([name, parameter]) => (parameter ? [] : [name])),
      };
    },
    async GetParametersByPath(input, caller) {
      const members = new Members(input);
      const path = members.required('Path').replace(/\/?$/, '/');
      const recursive = members.boolean('Recursive') ?? false;
      const after = members.string('NextToken') ?? '';
      const inside = store
        .all()
        .filter(({ name }) => name.startsWith(path) && (recursive || !name.slice(path.length).includes('/')))
        .filter(({ name }) => name > after);
      const page = inside.slice(0, members.number('MaxResults') ?? 10);
      const more = page.length < inside.length;
      return {
        Parameters: page.map((each) => view(each, caller)),
        ...(more && { NextToken: page.at(-1)?.name }),
      };
    },
    async DescribeParameters(input, caller) {
      const members = new Members(input);
      const after = members.string('NextToken') ?? '';
      const all = store.all().filter(({ name }) => name > after);
      const page = all.slice(0, members.number('MaxResults') ?? mostAPage);
      return {
        Parameters: page.map((each) => {
          const { Value: _, ...rest } = view(each, caller);
          return { ...rest, Tier: 'Standard', ...(each.description && { Description: each.description }) };
        }),
        ...(page.length < all.length && { NextToken: page.at(-1)?.name }),
      };
    },
    async DeleteParameter(input) {
      store.remove(find(new Members(input).required('Name')).name);
      return {};
    },
    async DeleteParameters(input) {
      const names = new Members(input).strings('Names') ?? [];
      const there = names.filter((name) => store.get(parameterName(name)));
      for (const name of there) store.remove(parameterName(name));
      return { DeletedParameters: there, InvalidParameters: names.filter((name) => !there.includes(name)) };
    },
  };
}
