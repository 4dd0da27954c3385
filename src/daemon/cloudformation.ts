import { buffer } from 'node:stream/consumers';
import { cloudFormationRules } from '../authorization/cloudformation-actions.ts';
import type { ExternalS3 } from '../aws/client/external-s3.ts';
import {
  cloudFormationActions,
  cloudFormationService,
} from '../aws/cloudformation/cloudformation-service.ts';
import type { AnyHandler } from '../aws/handlers.ts';
import type { QueryService } from '../aws/query-service.ts';
import type { Services } from '../cloudformation/resources/resource-type.ts';
import { Stacks } from '../cloudformation/stacks/stacks.ts';
import { TemplateError } from '../cloudformation/template-error.ts';
import type { Config } from '../config/config.ts';
import { partition } from '../control/arns.ts';
import type { Log } from '../log/log.ts';
import type { ObjectStore } from '../store/object-store.ts';
import type { Store } from '../store/store.ts';
import type { Authorization } from './authorization.ts';

export interface CloudFormationParts {
  config: Config;
  store: Store;
  objects: ObjectStore | ExternalS3;
  authorization: Authorization;
  /** Guarded. */
  lambda: Services['lambda'];
  /** Guarded. */
  logs: Readonly<Record<string, AnyHandler>>;
  log: Log;
}

/** CloudFormation on top of the other services; all that stacks make is made in their callers' names. */
export function openCloudFormation(parts: CloudFormationParts): { service: QueryService; stacks: Stacks } {
  const { config, store, objects, authorization, lambda, logs, log } = parts;
  const { accountId, region } = config;
  const stacks = new Stacks({
    ...{ store, log, accountId, partition: partition(region), now: Date.now },
    roles: authorization.serviceRoles,
    services: {
      ...{ lambda, logs, iam: authorization.iam },
      buckets: {
        async create(name, caller) {
          authorization.checkS3(caller, 'CreateBucket', { bucket: name });
          if (!/^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$/.test(name))
            throw new TemplateError('Bucket name is not valid');
          await objects.createBucket(name, caller.region);
        },
        exists: async (name) => objects.hasBucket(name),
        async delete(name, caller) {
          authorization.checkS3(caller, 'DeleteBucket', { bucket: name });
          await objects.deleteBucket(name);
        },
      },
    },
  });
  const actions = cloudFormationActions({
    ...{ stacks, store },
    async fetchTemplate(url, caller) {
      const { bucket, key } = placeOf(url);
      authorization.checkS3(caller, 'GetObject', { bucket, key });
      try {
        const object = await objects.openObject(bucket, key);
        return (await buffer(object.stream())).toString('utf8');
      } catch (error) {
        throw new TemplateError(`S3 error: ${(error as Error).message}`);
      }
    },
  });
  const guarded = authorization.guard(actions, cloudFormationRules);
  return { service: cloudFormationService(guarded), stacks };
}

/** Bucket and key of a URL in path style (any endpoint) or with the bucket in the host name. @throws TemplateError */
function placeOf(url: string): { bucket: string; key: string } {
  let parsed: URL;
  try {
    parsed = new URL(url);
  } catch {
    throw new TemplateError(`TemplateURL must be a supported URL: ${url}`);
  }
  const path = decodeURIComponent(parsed.pathname).replace(/^\//, '');
  const inHost = /^([a-z0-9][a-z0-9.-]+)\.s3[.-](?:[a-z0-9-]+\.)?(?:amazonaws\.com|localhost)$/.exec(
    parsed.hostname,
  );
  const at = path.indexOf('/');
  const place = inHost
    ? { bucket: inHost[1] ?? '', key: path }
    : { bucket: path.slice(0, Math.max(at, 0)), key: path.slice(at + 1) };
  if (!place.bucket || !place.key)
    throw new TemplateError(`TemplateURL must reference a valid S3 object: ${url}`);
  return place;
}
