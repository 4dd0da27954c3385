import type { BuildOrder } from '../../control/host.ts';
import type { ContainerSpec } from '../../guest/guest-connection.ts';
import type { ContainerConfig } from '../builder/container-config.ts';

const defaultPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** What of an order for a build the container gets to see. */
export type ContainerOrder = Pick<
  BuildOrder,
  'imageName' | 'imageArn' | 'imageVersion' | 'region' | 'environmentVariables' | 'allCapabilities'
>;

/**
 * What the guest agent starts: the image's command with its user and folder, and the environment in AWS's order of
 * precedence: image, then `environmentVariables`, then the platform's (spec: image-build 4.2).
 */
export function containerSpec(order: ContainerOrder, config: ContainerConfig): ContainerSpec {
  return {
    argv: [...config.entrypoint, ...config.cmd],
    env: {
      PATH: defaultPath,
      HOME: config.user.home,
      ...config.env,
      ...order.environmentVariables,
      AWS_LAMBDA_MICROVM_IMAGE_NAME: order.imageName,
      AWS_LAMBDA_MICROVM_IMAGE_ARN: order.imageArn,
      AWS_LAMBDA_MICROVM_IMAGE_VERSION: order.imageVersion,
      AWS_REGION: order.region,
    },
    cwd: config.workingDir || '/',
    uid: config.user.uid,
    gid: config.user.gid,
    groups: config.user.groups,
    hostname: 'localhost',
    allCapabilities: order.allCapabilities,
  };
}
