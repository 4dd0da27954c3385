import { request } from './call.ts';

export interface Role {
  name: string;
  arn: string;
  description: string;
  /** Epoch milliseconds. */
  createdAt: number;
  /** JSON. */
  trustPolicy: string;
}

export interface RolePolicy {
  name: string;
  /** JSON; undefined for a policy that is attached by its ARN. */
  document?: string;
}

/** Calls an action of IAM. @throws ApiError */
async function iam(action: string, parameters: Record<string, string> = {}): Promise<Document> {
  const body = new URLSearchParams({ Action: action, Version: '2010-05-08', ...parameters });
  const response = await request({ service: 'iam', method: 'POST', path: '/', body });
  return new DOMParser().parseFromString(await response.text(), 'application/xml');
}

const text = (element: Element | Document, name: string) =>
  element.getElementsByTagName(name)[0]?.textContent ?? '';

/** Of lists: `<PolicyNames><member>…`. */
const members = (answer: Document, list: string) => [
  ...(answer.getElementsByTagName(list)[0]?.children ?? []),
];

const pretty = (document: string) => {
  const json = decodeURIComponent(document);
  try {
    return JSON.stringify(JSON.parse(json), null, 2);
  } catch {
    return json;
  }
};

export async function listRoles(): Promise<Role[]> {
  const answer = await iam('ListRoles', { MaxItems: '1000' });
  return members(answer, 'Roles').map((role) => ({
    name: text(role, 'RoleName'),
    arn: text(role, 'Arn'),
    description: text(role, 'Description'),
    createdAt: Date.parse(text(role, 'CreateDate')),
    trustPolicy: pretty(text(role, 'AssumeRolePolicyDocument')),
  }));
}

export async function rolePolicies(RoleName: string): Promise<RolePolicy[]> {
  const [inline, attached] = await Promise.all([
    iam('ListRolePolicies', { RoleName }),
    iam('ListAttachedRolePolicies', { RoleName }),
  ]);
  const documents = await Promise.all(
    members(inline, 'PolicyNames').map(async ({ textContent: name }) => ({
      name,
      document: pretty(text(await iam('GetRolePolicy', { RoleName, PolicyName: name }), 'PolicyDocument')),
    })),
  );
  const arns = members(attached, 'AttachedPolicies').map((policy) => ({ name: text(policy, 'PolicyArn') }));
  return [...documents, ...arns];
}

/** Makes a role that Lambda may take on, with one policy. */
export async function createRole(RoleName: string, policy: string): Promise<void> {
  const trust = {
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { Service: 'lambda.amazonaws.com' }, Action: 'sts:AssumeRole' },
    ],
  };
  await iam('CreateRole', { RoleName, AssumeRolePolicyDocument: JSON.stringify(trust) });
  await iam('PutRolePolicy', { RoleName, PolicyName: 'permissions', PolicyDocument: policy });
}

/** Removes a role with everything that belongs to it. */
export async function deleteRole(RoleName: string): Promise<void> {
  for (const { name: policy, document } of await rolePolicies(RoleName)) {
    if (document !== undefined) await iam('DeleteRolePolicy', { RoleName, PolicyName: policy });
    else await iam('DetachRolePolicy', { RoleName, PolicyArn: policy });
  }
  await iam('DeleteRole', { RoleName });
}
