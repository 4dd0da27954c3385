import { PolicyError } from './policy-error.ts';
import { parseStatement, type Statement } from './statement.ts';
import { checkUniqueNames } from './unique-names.ts';

/** An identity-based IAM policy, parsed and ready for {@link evaluate}. */
export interface Policy {
  statements: readonly Statement[];
}

/** AWS's limit for a managed policy; white space does not count. */
export const MAX_POLICY_CHARACTERS = 6144;

const KNOWN = ['Version', 'Id', 'Statement'];

/**
 * Reads a policy document. Everything in it is understood or refused: a member or an operator that was passed over
 * could be the one that forbids.
 *
 * @param text JSON
 * @throws PolicyError
 */
export function parsePolicy(text: string): Policy {
  if (text.replaceAll(/\s/g, '').length > MAX_POLICY_CHARACTERS) {
    throw new PolicyError('', `has more than ${MAX_POLICY_CHARACTERS} characters`);
  }
  const document = parseJson(text);
  for (const name of Object.keys(document)) {
    if (!KNOWN.includes(name)) throw new PolicyError('', `has a member '${name}', which no policy has`);
  }
  const { Version: version = '2008-10-17', Statement: given } = document;
  if (version !== '2012-10-17' && version !== '2008-10-17') {
    throw new PolicyError('Version', "must be '2012-10-17' or '2008-10-17'");
  }
  const list = Array.isArray(given) ? (given as unknown[]) : given === undefined ? [] : [given];
  if (list.length === 0) throw new PolicyError('Statement', 'must hold at least one statement');
  const variables = version === '2012-10-17';
  const statements = list.map((each, index) => parseStatement(each, `Statement[${index}]`, variables));
  const sids = new Set<string>();
  for (const { sid } of statements) {
    if (sid === undefined || sid === '') continue;
    if (sids.has(sid)) throw new PolicyError('Statement', `has two statements with the Sid '${sid}'`);
    sids.add(sid);
  }
  return { statements };
}

function parseJson(text: string): Record<string, unknown> {
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (error) {
    throw new PolicyError('', `is not JSON: ${(error as SyntaxError).message}`);
  }
  if (document === null || typeof document !== 'object' || Array.isArray(document)) {
    throw new PolicyError('', 'must be a JSON object');
  }
  checkUniqueNames(text);
  return document as Record<string, unknown>;
}
