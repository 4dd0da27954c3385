import type { Caller } from '../../aws/caller.ts';
import type { Store } from '../../store/store.ts';
import { findConnector } from '../connectors/find-connector.ts';
import { untaggable } from '../errors.ts';
import { findImage } from '../images/find-image.ts';

/** Makes sure that the ARN names an image or a connector of the caller. @throws ServiceError 404 */
export function findTaggable(store: Store, caller: Caller, arn: string): void {
  const kind = arn.split(':')[5];
  if (kind === 'microvm-image') findImage(store, caller, arn);
  else if (kind === 'network-connector') findConnector(store, caller, arn);
  else throw untaggable(arn);
}
