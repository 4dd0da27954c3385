// A squib whose memory is used up, and a user who may do little: what refusals need.
import { RunMicrovmCommand, TerminateMicrovmCommand } from '@aws-sdk/client-lambda-microvms';
import { callSquib } from '../../src/cli/api/call.ts';
import { until } from '../support/microvms.ts';
import { baseImageArn, connector, imageArn, region, roleArn, rootOf, type World } from './world.ts';

export interface FullHouse {
  /** Ids of MicroVMs that take all the memory there is; the last one has ended. */
  microvmIds: string[];
  terminatedId: string;
  /** Keys of the user `ann`. */
  ann: { accessKeyId: string; secretAccessKey: string };
}

const allow = (Action: string | string[], Resource: string, Condition?: object) => ({
  ...{ Effect: 'Allow', Action, Resource },
  ...(Condition && { Condition }),
});

/** Ann runs MicroVMs with the default connectors, and makes red images with one role. */
const policy = {
  Version: '2012-10-17',
  Statement: [
    allow('lambda:RunMicrovm', '*'),
    allow('lambda:PassNetworkConnector', connector('HTTP_INGRESS')),
    allow('lambda:PassNetworkConnector', connector('INTERNET_EGRESS')),
    allow('lambda:CreateMicrovmImage', '*', { StringEquals: { 'aws:RequestTag/team': 'red' } }),
    allow('lambda:TagResource', imageArn('ann-*')),
    allow('iam:PassRole', roleArn('build'), {
      StringEquals: { 'iam:PassedToService': 'lambda.amazonaws.com' },
    }),
    allow('lambda:ListMicrovmImageVersions', '*', { StringEquals: { 'aws:ResourceTag/team': 'red' } }),
    allow(['lambda:GetMicrovmImage', 'lambda:ListNetworkConnectors'], '*'),
  ],
};

export async function openFullHouse(world: World): Promise<FullHouse> {
  const { squib, image } = world;
  const { microvms } = squib.clients;
  const start = async () => {
    const { microvmId = '' } = await microvms.send(new RunMicrovmCommand({ imageIdentifier: image }));
    await until(squib, microvmId, 'RUNNING');
    return microvmId;
  };
  const terminatedId = await start();
  await microvms.send(new TerminateMicrovmCommand({ microvmIdentifier: terminatedId }));
  await until(squib, terminatedId, 'TERMINATED');
  const microvmIds = await Promise.all([start(), start(), start(), start()]);
  const connection = { endpoint: `http://127.0.0.1:${squib.config.api.port}`, region, ...rootOf(squib) };
  const { accessKeyId, secretAccessKey } = await callSquib(connection, 'CreateCredential', {
    userName: 'ann',
    policyDocument: JSON.stringify(policy),
  });
  return { microvmIds, terminatedId, ann: { accessKeyId, secretAccessKey } };
}

/** A complete request for an image; tests spoil one part of it. */
export const creation = {
  name: 'ann-image',
  baseImageArn,
  buildRoleArn: roleArn('build'),
  codeArtifact: { uri: 's3://artifacts/x.zip' },
};
