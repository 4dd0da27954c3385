import type { SignableRequest } from './types.ts';

/**
 * The signing name that a request claims, before anything is verified: where it should go, not who it is from.
 * @returns undefined for a request without a readable credential scope
 */
export function claimedService(request: SignableRequest): string | undefined {
  const authorization = request.header('authorization');
  const scope =
    authorization !== undefined
      ? /Credential=[^/,\s]+\/\d+\/[^/,\s]+\/([a-z0-9-]{1,64})\/aws4_request/.exec(authorization)
      : /[?&]X-Amz-Credential=[^&]+?(?:%2F|\/)\d+(?:%2F|\/)[^&/%]+(?:%2F|\/)([a-z0-9-]{1,64})(?:%2F|\/)aws4_request/i.exec(
          `?${request.query}`,
        );
  return scope?.[1];
}
