import type { Caller } from '../caller.ts';
import type { Incoming } from '../http/incoming.ts';
import { SMALL_BODY, toBodyError } from '../http/limits.ts';
import { readBody } from '../http/read-body.ts';
import { parseQueryRequest, queryAnswer, queryErrorAnswer } from '../protocol/query.ts';
import { WireError } from '../protocol/wire-error.ts';
import type { XmlValue } from '../protocol/xml.ts';
import { newOutcome, type Outcome } from '../service.ts';
import type { Authenticator } from '../sigv4/authenticate.ts';
import { toCommonError } from '../sigv4/json-errors.ts';
import { SignatureError } from '../sigv4/signature-error.ts';

const NAMESPACE = 'https://sts.amazonaws.com/doc/2011-06-15/';

type StsAction = (caller: Caller) => { [name: string]: XmlValue };

const ACTIONS: Readonly<Record<string, StsAction>> = {
  GetCallerIdentity: ({ arn, userId, accountId }) => ({ Arn: arn, UserId: userId, Account: accountId }),
};

/** STS over the query protocol: as much of it as clients call before they do anything else. */
export class StsFrontDoor {
  readonly #authenticator: Authenticator;

  constructor(authenticator: Authenticator) {
    this.#authenticator = authenticator;
  }

  async handle(incoming: Incoming): Promise<Outcome> {
    const outcome = newOutcome();
    try {
      const body = await readBody(incoming.message, SMALL_BODY);
      const { caller } = await this.#authenticator.authenticateWhole(incoming, body, 'sts');
      outcome.caller = caller;
      const { action } = parseQueryRequest(incoming.query, body);
      const run = Object.hasOwn(ACTIONS, action) ? ACTIONS[action] : undefined;
      if (!run) {
        const have = Object.keys(ACTIONS).join(', ');
        throw new WireError(
          'InvalidAction',
          400,
          `squib's sts does not have the action ${action || '(none)'}. It has: ${have}.`,
        );
      }
      outcome.operation = action;
      outcome.readOnly = true;
      return { ...outcome, answer: queryAnswer(action, NAMESPACE, incoming.requestId, run(caller)) };
    } catch (thrown) {
      const error =
        thrown instanceof SignatureError
          ? toCommonError(thrown, 'query')
          : (toBodyError(thrown, 'sts') ?? thrown);
      if (!(error instanceof WireError)) throw error;
      return { ...outcome, error, answer: queryErrorAnswer(error, NAMESPACE, incoming.requestId) };
    }
  }
}
