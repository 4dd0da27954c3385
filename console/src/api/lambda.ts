import type { LambdaCoreOperations } from '../../../src/aws/models/lambda-core.ts';
import type { LambdaMicrovmsOperations } from '../../../src/aws/models/lambda-microvms.ts';

type Used =
  | 'CreateMicrovmAuthToken'
  | 'CreateMicrovmImage'
  | 'CreateMicrovmShellAuthToken'
  | 'DeleteMicrovmImage'
  | 'DeleteMicrovmImageVersion'
  | 'GetMicrovm'
  | 'GetMicrovmImage'
  | 'GetMicrovmImageBuild'
  | 'GetMicrovmImageVersion'
  | 'ListManagedMicrovmImages'
  | 'ListMicrovmImageBuilds'
  | 'ListMicrovmImages'
  | 'ListMicrovmImageVersions'
  | 'ListMicrovms'
  | 'ResumeMicrovm'
  | 'RunMicrovm'
  | 'SuspendMicrovm'
  | 'TerminateMicrovm'
  | 'UpdateMicrovmImage'
  | 'UpdateMicrovmImageVersion';
type UsedCore =
  | 'CreateNetworkConnector'
  | 'DeleteNetworkConnector'
  | 'GetNetworkConnector'
  | 'ListNetworkConnectors';

/** The operations of AWS's two services that the console calls. */
export type LambdaOperations = Pick<LambdaMicrovmsOperations, Used> & Pick<LambdaCoreOperations, UsedCore>;

const microvms = '/2025-09-09/microvms';
const images = '/2025-09-09/microvm-images';
const version = `${images}/{imageIdentifier}/versions/{imageVersion}`;
const connectors = '/2026-04-04/network-connectors';

/** Methods and paths as AWS's models have them. */
export const lambdaPaths: Record<keyof LambdaOperations, [method: string, uri: string]> = {
  CreateMicrovmAuthToken: ['POST', `${microvms}/{microvmIdentifier}/auth-token`],
  CreateMicrovmImage: ['POST', images],
  CreateMicrovmShellAuthToken: ['POST', `${microvms}/{microvmIdentifier}/shell-auth-token`],
  DeleteMicrovmImage: ['DELETE', `${images}/{imageIdentifier}`],
  DeleteMicrovmImageVersion: ['DELETE', version],
  GetMicrovm: ['GET', `${microvms}/{microvmIdentifier}`],
  GetMicrovmImage: ['GET', `${images}/{imageIdentifier}`],
  GetMicrovmImageBuild: ['GET', `${version}/builds/{buildId}`],
  GetMicrovmImageVersion: ['GET', version],
  ListManagedMicrovmImages: ['GET', '/2025-09-09/managed-microvm-images'],
  ListMicrovmImageBuilds: ['GET', `${version}/builds`],
  ListMicrovmImages: ['GET', images],
  ListMicrovmImageVersions: ['GET', `${images}/{imageIdentifier}/versions`],
  ListMicrovms: ['GET', microvms],
  ResumeMicrovm: ['POST', `${microvms}/{microvmIdentifier}/resume`],
  RunMicrovm: ['POST', microvms],
  SuspendMicrovm: ['POST', `${microvms}/{microvmIdentifier}/suspend`],
  TerminateMicrovm: ['DELETE', `${microvms}/{microvmIdentifier}`],
  UpdateMicrovmImage: ['PUT', `${images}/{imageIdentifier}`],
  UpdateMicrovmImageVersion: ['PATCH', version],
  CreateNetworkConnector: ['POST', connectors],
  DeleteNetworkConnector: ['DELETE', `${connectors}/{Identifier}`],
  GetNetworkConnector: ['GET', `${connectors}/{Identifier}`],
  ListNetworkConnectors: ['GET', connectors],
};
