import type { CredentialBook } from '../authorization/credential-book.ts';
import { expiryInPast } from '../authorization/credential-errors.ts';
import type { CredentialView } from '../authorization/known-credential.ts';
import type { CredentialDescription, CredentialHandlers } from './squib-model.ts';

/** The operations behind `squib credentials`; authorization stands in front of them (`authorizeHandlers`). */
export function credentialHandlers(book: CredentialBook, now: () => number): CredentialHandlers {
  const checked = (expiresAt: Date | undefined): number | undefined => {
    if (expiresAt !== undefined && expiresAt.getTime() <= now()) throw expiryInPast();
    return expiresAt?.getTime();
  };
  return {
    async CreateCredential({ userName, policyDocument, expiresAt }) {
      const made = book.create({ userName, policyDocument, expiresAt: checked(expiresAt) });
      return { ...describe(made), secretAccessKey: made.secretAccessKey };
    },
    async ListCredentials() {
      return { items: book.list().map(describe) };
    },
    async GetCredential({ userName }) {
      return describe(book.get(userName));
    },
    async UpdateCredential({ userName, policyDocument, enabled, expiresAt }) {
      return describe(book.update(userName, { policyDocument, enabled, expiresAt: checked(expiresAt) }));
    },
    async DeleteCredential({ userName }) {
      book.delete(userName);
      return {};
    },
  };
}

function describe(view: CredentialView): CredentialDescription {
  const { userName, accessKeyId, arn, policyDocument, enabled, createdAt, expiresAt } = view;
  return {
    ...{ userName, accessKeyId, arn, policyDocument, enabled },
    createdAt: new Date(createdAt),
    ...(expiresAt !== undefined && { expiresAt: new Date(expiresAt) }),
  };
}
