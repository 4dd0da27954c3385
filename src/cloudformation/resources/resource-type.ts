import type { Caller } from '../../aws/caller.ts';
import type { AnyHandler } from '../../aws/handlers.ts';
import type { LambdaCoreHandlers } from '../../aws/models/lambda-core.ts';
import type { LambdaMicrovmsHandlers } from '../../aws/models/lambda-microvms.ts';
import type { JsonObject } from '../template/parse.ts';

/** The services that resources are made with; every call is authorized as its caller. */
export interface Services {
  lambda: LambdaMicrovmsHandlers & LambdaCoreHandlers;
  iam: Readonly<Record<string, AnyHandler>>;
  logs: Readonly<Record<string, AnyHandler>>;
  ssm: Readonly<Record<string, AnyHandler>>;
  buckets: {
    create(name: string, caller: Caller): Promise<void>;
    exists(name: string): Promise<boolean>;
    delete(name: string, caller: Caller): Promise<void>;
    putSetting(name: string, setting: BucketSetting, caller: Caller): Promise<void>;
    /** Not an error where there is none. @param query of the setting */
    removeSetting(name: string, query: string, caller: Caller): Promise<void>;
  };
  /** Resolves after so many milliseconds; rejects when squib stops. */
  sleep(milliseconds: number): Promise<void>;
}

/** A setting of a bucket, as S3's API has it. */
export interface BucketSetting {
  /** For example `versioning`. */
  query: string;
  /** Content of its document; JSON where S3 has JSON. */
  document: string | JsonObject;
}

/** What a resource type may use while it makes, changes or removes one resource. */
export interface Work {
  services: Services;
  caller: Caller;
  /** Without functions. */
  properties: JsonObject;
  /** The name that the template gives, or one made from stack and logical id. */
  name: string;
  /** Same for every try of one step, so that a step can be repeated after a restart. */
  token: string;
  /** True when an earlier daemon may have done this step already. */
  repeated: boolean;
  /** Tags of the stack, laid under those of the resource. */
  stackTags: Readonly<Record<string, string>>;
  /** Tells the id as soon as there is something that a rollback must remove. */
  made(physicalId: string): void;
}

export type Change = Work & { physicalId: string; before: JsonObject };

export interface Made {
  /** What `Ref` gives. */
  physicalId: string;
  attributes: JsonObject;
}

/** One type of resource. Its functions throw whatever the services throw; the message becomes the event's reason. */
export interface ResourceType {
  /** For example `AWS::S3::Bucket`. */
  type: string;
  /** Names of all properties; templates with others are refused. */
  properties: readonly string[];
  required: readonly string[];
  /** Property with the resource's name. */
  nameProperty?: string;
  /** What a name may consist of and how long it may be, for names that squib makes. */
  names?: { lowerCase: boolean; longest: number };
  /** A change of one of these makes a new resource. */
  replacing: readonly string[];
  /** Whether stacks with it need `CAPABILITY_IAM`. */
  iam?: boolean;
  create(work: Work): Promise<Made>;
  update(change: Change): Promise<Made>;
  delete(change: Omit<Change, 'before' | 'made' | 'repeated'>): Promise<void>;
}
