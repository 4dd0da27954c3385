import { buffer } from 'node:stream/consumers';
import { cloudFormationRules } from '../authorization/cloudformation-actions.ts';
import type { ExternalS3 } from '../aws/client/external-s3.ts';
import {
  cloudFormationActions,
  cloudFormationService,
} from '../aws/cloudformation/cloudformation-service.ts';
import type { AnyHandler } from '../aws/handlers.ts';
import { writeXml, type XmlValue } from '../aws/protocol/xml.ts';
import type { QueryService } from '../aws/query-service.ts';
import { BUCKET_SETTINGS, type BucketSetting } from '../aws/s3/commands/bucket-settings.ts';
import { XML_NAMESPACE } from '../aws/s3/s3-request.ts';
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
  /** Guarded. */
  ssm: Readonly<Record<string, AnyHandler>>;
  log: Log;
}

/** CloudFormation on top of the other services; all that stacks make is made in their callers' names. */
export function openCloudFormation(parts: CloudFormationParts): { service: QueryService; stacks: Stacks } {
  const { config, store, objects, authorization, lambda, logs, ssm, log } = parts;
  const { accountId, region } = config;
  const stacks = new Stacks({
    ...{ store, log, accountId, partition: partition(region), now: Date.now },
    roles: authorization.serviceRoles,
    services: {
      ...{ lambda, logs, ssm, iam: authorization.iam },
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
        async putSetting(name, { query, document }, caller) {
          const { operation, root = '' } = settingOf(query);
          authorization.checkS3(caller, `Put${operation}`, { bucket: name });
          const text =
            typeof document === 'string' ? document : writeXml(root, document as Xml, XML_NAMESPACE);
          await objects.putSetting(name, query, text);
        },
        async removeSetting(name, query, caller) {
          authorization.checkS3(caller, `Delete${settingOf(query).operation}`, { bucket: name });
          await objects.removeSetting(name, query);
        },
      },
    },
  });
  const actions = cloudFormationActions({
    ...{ stacks, store, skipUnsupported: config.cloudFormation.skipUnsupported },
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

type Xml = { [name: string]: XmlValue };

function settingOf(query: string): BucketSetting {
  const setting = BUCKET_SETTINGS.find((each) => each.query === query);
  if (!setting) throw new TypeError(`S3 has no setting ${query}.`);
  return setting;
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
