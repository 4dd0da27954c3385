import type { Caller } from '../aws/caller.ts';
import type { Store } from '../store/store.ts';
import { managedConnectorArn } from './arns.ts';
import * as errors from './errors.ts';

/** Connectors that exist without being made (spec: networking-and-proxy section 7). There is no NO_EGRESS. */
const names = {
  ingress: ['ALL_INGRESS', 'HTTP_INGRESS', 'SHELL_INGRESS', 'NO_INGRESS'],
  egress: ['INTERNET_EGRESS'],
} as const;

export type Side = keyof typeof names;

const CONNECTOR = /^arn:aws[a-z-]*:lambda:[a-z0-9-]+:(?:aws|\d{12}):network-connector:[\w:-]+$/;
const MANAGED = /^arn:aws[a-z-]*:lambda:[a-z0-9-]+:aws:network-connector:aws-network-connector:([A-Z_]+)$/;

/** `HTTP_INGRESS` for its ARN; undefined for the ARN of a connector that a user made. */
export function managedConnectorName(arn: string): string | undefined {
  return MANAGED.exec(arn)?.[1];
}

export const defaultIngress = (region: string) => [managedConnectorArn(region, 'HTTP_INGRESS')];
export const defaultEgress = (region: string) => [managedConnectorArn(region, 'INTERNET_EGRESS')];

/**
 * Refuses connectors that do not exist, are not ACTIVE, or carry traffic the other way
 * (spec: control-plane section 4, RunMicrovm). Mixing ALL_INGRESS with others is accepted here, as at AWS.
 */
export function checkConnectors(store: Store, caller: Caller, side: Side, arns: readonly string[]): void {
  for (const arn of arns) {
    if (!CONNECTOR.test(arn)) throw errors.connectorMalformed();
    if (arn.split(':')[4] === 'aws') checkManaged(caller.region, side, arn);
    else checkCustom(store, caller, side, arn);
  }
}

function checkManaged(region: string, side: Side, arn: string): void {
  const all = [...names.ingress, ...names.egress];
  const name = all.find((each) => managedConnectorArn(region, each) === arn);
  if (name === undefined) throw errors.connectorUnrecognized(arn);
  if (!(names[side] as readonly string[]).includes(name)) throw errors.connectorWrongSide(arn, side);
}

function checkCustom(store: Store, caller: Caller, side: Side, arn: string): void {
  const connector = store.connectors.byArn(arn);
  const own = connector?.account === caller.accountId && connector.region === caller.region;
  if (connector === undefined || !own) throw errors.connectorNotFound(arn);
  // What users can make are VPC egress connectors.
  if (side === 'ingress') throw errors.connectorWrongSide(arn, side);
  if (connector.state !== 'ACTIVE') throw errors.connectorNotActive(arn, connector.state);
}
