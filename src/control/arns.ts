import type { Caller } from '../aws/caller.ts';
import { invalidArn, slashArn } from './errors.ts';

/** ARNs of images and connectors (spec: control-plane 1.1). */

const IMAGE = /^arn:aws[a-z-]*:lambda:[a-z0-9-]+:(?:\d{12}|aws):microvm-image:[a-zA-Z0-9-_]{1,64}$/;
const SLASHED = /^arn:aws[a-z-]*:lambda:[a-z0-9-]+:(?:\d{12}|aws):microvm-image\//;

/** The partition that a region belongs to. */
export function partition(region: string): string {
  if (region.startsWith('cn-')) return 'aws-cn';
  return region.startsWith('us-gov-') ? 'aws-us-gov' : 'aws';
}

const lambda = (region: string, account: string) => `arn:${partition(region)}:lambda:${region}:${account}`;

export function imageArn(caller: Caller, name: string): string {
  return `${lambda(caller.region, caller.accountId)}:microvm-image:${name}`;
}

export function managedImageArn(region: string, name: string): string {
  return `${lambda(region, 'aws')}:microvm-image:${name}`;
}

export function connectorArn(caller: Caller, id: string): string {
  return `${lambda(caller.region, caller.accountId)}:network-connector:${id}`;
}

export function managedConnectorArn(region: string, name: string): string {
  return `${lambda(region, 'aws')}:network-connector:aws-network-connector:${name}`;
}

/** Refuses what is not an image ARN, bare names above all. */
export function checkImageArn(value: string, caller: Caller): void {
  if (SLASHED.test(value)) throw slashArn(caller.arn, value);
  if (!IMAGE.test(value)) throw invalidArn(value);
}

/** `2` → `2.0`: the API's way to write the number of a version. */
export function versionName(number: number): string {
  return `${number}.0`;
}

/** `2` and `2.0` → 2; undefined when the text names no version that could ever exist. */
export function versionNumber(version: string): number | undefined {
  const digits = /^([1-9]\d{0,8})(?:\.0)?$/.exec(version)?.[1];
  return digits === undefined ? undefined : Number(digits);
}
