import type { Caller } from './caller.ts';

/** Input and output of each operation, as the generated types of a service list them. */
type OperationTypes<Operations> = { [Name in keyof Operations]: { input: unknown; output: unknown } };

/**
 * One function per operation. Members carry the model's names, timestamps are `Date`, absent members are
 * left out or `undefined`. Throws `ServiceError` for whatever the caller did wrong.
 */
export type Handlers<Operations extends OperationTypes<Operations>> = {
  [Name in keyof Operations]: (
    input: Operations[Name]['input'],
    caller: Caller,
  ) => Promise<Operations[Name]['output']>;
};

/** A handler as the protocol layer sees it: input and output already agree with the model. */
export type AnyHandler = (input: Record<string, unknown>, caller: Caller) => Promise<Record<string, unknown>>;
