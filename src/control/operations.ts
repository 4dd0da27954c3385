import { createAuthToken } from './auth-tokens/create-auth-token.ts';
import { createShellAuthToken } from './auth-tokens/create-shell-auth-token.ts';
import { getBuild } from './builds/get-build.ts';
import { listBuilds } from './builds/list-builds.ts';
import { createConnector } from './connectors/create-connector.ts';
import { deleteConnector } from './connectors/delete-connector.ts';
import { getConnector } from './connectors/get-connector.ts';
import { listConnectors } from './connectors/list-connectors.ts';
import { updateConnector } from './connectors/update-connector.ts';
import type { AllOperations, Operation } from './context.ts';
import { createImage } from './images/create-image.ts';
import { deleteImage } from './images/delete-image.ts';
import { deleteVersion } from './images/delete-version.ts';
import { getImage } from './images/get-image.ts';
import { getVersion } from './images/get-version.ts';
import { listImages } from './images/list-images.ts';
import { listVersions } from './images/list-versions.ts';
import { updateImage } from './images/update-image.ts';
import { updateVersion } from './images/update-version.ts';
import { listManagedImageVersions } from './managed-images/list-managed-image-versions.ts';
import { listManagedImages } from './managed-images/list-managed-images.ts';
import { getMicrovm } from './microvms/get-microvm.ts';
import { listMicrovms } from './microvms/list-microvms.ts';
import { resumeMicrovm } from './microvms/resume-microvm.ts';
import { runMicrovm } from './microvms/run-microvm.ts';
import { suspendMicrovm } from './microvms/suspend-microvm.ts';
import { terminateMicrovm } from './microvms/terminate-microvm.ts';
import { listTags } from './tags/list-tags.ts';
import { tagResource } from './tags/tag-resource.ts';
import { untagResource } from './tags/untag-resource.ts';

/** All operations of Lambda Microvms and Lambda Core by the names of their models. */
export const operations: { [Name in keyof AllOperations]: Operation<Name> } = {
  CreateMicrovmAuthToken: createAuthToken,
  CreateMicrovmImage: createImage,
  CreateMicrovmShellAuthToken: createShellAuthToken,
  CreateNetworkConnector: createConnector,
  DeleteMicrovmImage: deleteImage,
  DeleteMicrovmImageVersion: deleteVersion,
  DeleteNetworkConnector: deleteConnector,
  GetMicrovm: getMicrovm,
  GetMicrovmImage: getImage,
  GetMicrovmImageBuild: getBuild,
  GetMicrovmImageVersion: getVersion,
  GetNetworkConnector: getConnector,
  ListManagedMicrovmImages: listManagedImages,
  ListManagedMicrovmImageVersions: listManagedImageVersions,
  ListMicrovmImageBuilds: listBuilds,
  ListMicrovmImages: listImages,
  ListMicrovmImageVersions: listVersions,
  ListMicrovms: listMicrovms,
  ListNetworkConnectors: listConnectors,
  ListTags: listTags,
  ResumeMicrovm: resumeMicrovm,
  RunMicrovm: runMicrovm,
  SuspendMicrovm: suspendMicrovm,
  TagResource: tagResource,
  TerminateMicrovm: terminateMicrovm,
  UntagResource: untagResource,
  UpdateMicrovmImage: updateImage,
  UpdateMicrovmImageVersion: updateVersion,
  UpdateNetworkConnector: updateConnector,
};
