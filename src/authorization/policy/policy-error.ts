/** A policy document that squib cannot enforce. The message says where and what; it is meant for the policy's author. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';
  /** Where in the document, for example `Statement[0].Condition.StringEquals`; empty for the document itself. */
  readonly path: string;
  constructor(path: string, problem: string) {
    super(path === '' ? `The policy document ${problem}.` : `${path} of the policy document ${problem}.`);
    this.path = path;
  }
}
