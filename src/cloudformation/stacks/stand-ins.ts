import { TemplateError } from '../template-error.ts';

/** Types whose ids other resources check by their form. */
const PREFIXES: Readonly<Record<string, string>> = {
  'AWS::EC2::SecurityGroup': 'sg-',
  'AWS::EC2::Subnet': 'subnet-',
  'AWS::EC2::VPC': 'vpc-',
};

/** What a stack says about resources that were left out because squib does not have their types. */
export class StandIns {
  readonly #stackId: string;
  readonly #types: ReadonlyMap<string, string>;

  /** @param types by logical id */
  constructor(stackId: string, types: ReadonlyMap<string, string>) {
    this.#stackId = stackId;
    this.#types = types;
  }

  has(logicalId: string): boolean {
    return this.#types.has(logicalId);
  }

  /** The same for every operation of a stack: a name that settings of squib may give a meaning to. */
  ref(logicalId: string): string {
    const prefix = PREFIXES[this.#type(logicalId)];
    const [, stackName = ''] = this.#stackId.split('/');
    return prefix === undefined
      ? `not-in-squib-${logicalId}`
      : prefix + `${stackName}${logicalId}`.toLowerCase().replaceAll(/[^0-9a-z]/g, '');
  }

  attribute(logicalId: string, name: string): string {
    const type = this.#type(logicalId);
    const [, partition, , region, account] = this.#stackId.split(':');
    if (name.endsWith('Arn')) {
      return `arn:${partition}:${type.split('::')[1]?.toLowerCase()}:${region}:${account}:${this.ref(logicalId)}`;
    }
    return name.endsWith('Id') ? this.ref(logicalId) : `${this.ref(logicalId)}.${name}`;
  }

  /** For people: `Vpc (AWS::EC2::VPC), …` */
  list(): string {
    return [...this.#types].map(([id, type]) => `${id} (${type})`).join(', ');
  }

  entries(): Iterable<[logicalId: string, type: string]> {
    return this.#types;
  }

  #type(logicalId: string): string {
    const type = this.#types.get(logicalId);
    if (type === undefined) throw new TemplateError(`Template error: there is no resource ${logicalId}.`);
    return type;
  }
}
