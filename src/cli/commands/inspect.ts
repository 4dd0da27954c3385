import type { GetNetworkConnectorResponse } from '../../aws/models/lambda-core.ts';
import type { GetMicrovmImageOutput } from '../../aws/models/lambda-microvms.ts';
import { managedConnectorName } from '../../control/managed-connectors.ts';
import { callLambda } from '../api/aws.ts';
import { callSquib, type Wire } from '../api/call.ts';
import { type Connection, findConnection } from '../api/connection.ts';
import { type FoundImage, findImage, findResource, imageName } from '../api/lookup.ts';
import { argument } from '../argument.ts';
import { command, connectionOptions, jsonOption } from '../command.ts';
import { eventLine, pastEvents } from '../events/event-lines.ts';
import { printFields, printJson } from '../print.ts';
import { clockTime, size, span } from '../time.ts';
import { getMicrovm, type Microvm } from '../wait.ts';

export const inspect = command({
  summary: 'show everything about a MicroVM, image or connector, and what happened to it',
  synopsis: ['inspect ID|IMAGE|CONNECTOR [--json]'],
  description: `Shows state, settings and use of a MicroVM (by its id or the beginning of one), of an image (by name or ARN) or of a network
connector (by id, starting with nc-), with the last changes of its state and why they came about.`,
  options: { ...jsonOption, ...connectionOptions },
  complete: ['microvm'],
  examples: ['squib inspect 0a1b2c3d', 'squib inspect hello', 'squib inspect 0a1b2c3d --json | jq .endpoint'],
  async run({ values, positionals }) {
    const text = argument(positionals, 'ID, IMAGE or CONNECTOR');
    const connection = findConnection(values);
    const { value, fields, resource } = await find(connection, text);
    if (values.json) return printJson(value);
    printFields(fields);
    const events = await pastEvents(connection, { resource, limit: 20 });
    if (events.length === 0) return;
    console.log('\nWhat happened:');
    for (const event of events) console.log(`  ${eventLine(event, resource)}`);
  },
});

interface Found {
  /** For programs. */
  value: unknown;
  fields: Record<string, string | undefined>;
  /** As ListEvents takes it. */
  resource: string;
}

async function find(connection: Connection, text: string): Promise<Found> {
  if (/^.+:\d+(\.\d+)?$/.test(text)) return describeImage(connection, await findImage(connection, text));
  const resource = await findResource(connection, text);
  if (resource.startsWith('microvm-')) return microvm(connection, await getMicrovm(connection, resource));
  if (resource.includes('microvm-image')) return describeImage(connection, await findImage(connection, text));
  return connector(connection, resource);
}

async function microvm(connection: Connection, value: Microvm): Promise<Found> {
  const { microvmId, imageArn, imageVersion, idlePolicy, startedAt, terminatedAt } = value;
  const ended = value.state === 'TERMINATED';
  const usage = ended
    ? undefined
    : await callSquib(connection, 'GetMicrovmUsage', { microvmIdentifier: microvmId }).catch(() => undefined);
  const connectors = (arns: string[] | null | undefined) =>
    arns?.map((arn) => managedConnectorName(arn) ?? arn).join(', ') || undefined;
  return {
    value: usage === undefined ? value : { ...value, usage },
    resource: microvmId,
    fields: {
      ID: microvmId,
      Image: `${imageName(imageArn)}:${imageVersion}`,
      State: value.state,
      Reason: value.stateReason ?? undefined,
      Endpoint: ended ? undefined : `https://${value.endpoint}`,
      Started: clockTime(startedAt),
      Ended: terminatedAt ? clockTime(terminatedAt) : undefined,
      'Idle policy': idlePolicy
        ? `suspended after ${span(idlePolicy.maxIdleDurationSeconds)}, ended after ${span(
            idlePolicy.suspendedDurationSeconds,
          )} suspended, ${idlePolicy.autoResumeEnabled ? 'wakes up with a request' : 'stays suspended'}`
        : 'none',
      'Longest life': span(value.maximumDurationInSeconds),
      Role: value.executionRoleArn ?? undefined,
      Ingress: connectors(value.ingressNetworkConnectors),
      Egress: connectors(value.egressNetworkConnectors),
      ...(usage && {
        Processor: `${usage.cpuSeconds.toFixed(1)} s${usage.vcpus ? ` on ${usage.vcpus} vCPUs` : ''}`,
        Memory: usage.memoryBytes
          ? `${size(usage.memoryBytes)}, of which ${size(usage.ownBytes)} are its own on this host`
          : 'none while suspended',
        Disk: size(usage.diskBytes),
        Traffic: `${size(usage.endpointReceivedBytes)} in and ${size(usage.endpointSentBytes)} out by its endpoint`,
      }),
    },
  };
}

async function describeImage(connection: Connection, { imageArn, imageVersion }: FoundImage): Promise<Found> {
  const image = await callLambda<Wire<GetMicrovmImageOutput>>(connection, 'GetMicrovmImage', {
    imageIdentifier: imageArn,
  });
  const wanted = imageVersion ?? image.latestActiveImageVersion ?? image.latestFailedImageVersion;
  const version = wanted
    ? await callLambda<Record<string, unknown> & { state: string; status: string; stateReason?: string }>(
        connection,
        'GetMicrovmImageVersion',
        { imageIdentifier: imageArn, imageVersion: wanted },
      )
    : undefined;
  return {
    value: version ? { ...image, version } : image,
    resource: imageArn,
    fields: {
      Image: imageName(imageArn),
      ARN: imageArn,
      State: image.state,
      Active: image.latestActiveImageVersion ?? 'no version',
      Created: clockTime(image.createdAt),
      [`Version ${wanted}`]: version && `${version.state}, ${version.status}`,
      Reason: version?.stateReason ?? undefined,
    },
  };
}

async function connector(connection: Connection, Identifier: string): Promise<Found> {
  const value = await callLambda<Wire<GetNetworkConnectorResponse>>(connection, 'GetNetworkConnector', {
    Identifier,
  });
  const { SubnetIds, SecurityGroupIds } = value.Configuration?.VpcEgressConfiguration ?? {};
  return {
    value,
    resource: value.Arn,
    fields: {
      Connector: value.Name,
      ARN: value.Arn,
      State: value.State,
      Reason: value.StateReason ?? undefined,
      Subnets: SubnetIds?.join(', '),
      'Security groups': SecurityGroupIds?.join(', '),
    },
  };
}
