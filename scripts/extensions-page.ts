// Writes docs/api-extensions.md from the model of squib's own API: node scripts/extensions-page.ts
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { squibActions } from '../src/authorization/squib-actions.ts';
import type { MemberRef, Shape } from '../src/aws/protocol/model.ts';
import { type SquibOperations, squibModel } from '../src/extensions/squib-model.ts';

type Name = keyof SquibOperations;

/** What each operation is for, in the order of the page. An operation without a sentence does not compile. */
const summaries: Record<Name, string> = {
  ForkMicrovm:
    'Runs copies of a RUNNING MicroVM from where it is now ([forks](operating.md#forking-a-running-microvm)).',
  ExecMicrovm:
    'Runs a command in the container, over a WebSocket whose messages are described in [commands](commands.md).',
  GetMicrovmFiles: 'A file or folder of the container as a tar stream.',
  PutMicrovmFiles: 'Unpacks a tar stream, the body of the request, into a folder of the container.',
  GetMicrovmUsage:
    'What a MicroVM uses of its host and what went through its endpoint and its network. Memory: `memoryBytes` is its size, `residentBytes` what QEMU holds, `ownBytes` that without pages shared with other clones, `dirtyBytes` what differs from its snapshot.',
  ListMicrovmUsage: 'The same of all MicroVMs that have not ended.',
  ListMicrovmDetails: 'All MicroVMs that have not ended and the last `ended` (100) that have, with reasons.',
  CreateBrowserLink:
    'A link that opens one port of a MicroVM in a browser, once ([links](endpoint.md#links-for-browsers)).',
  PutActivityPolicy:
    'What beside traffic at the endpoint keeps MicroVMs awake: of one (its id) or of all of an image (its ARN) ([operating](operating.md)).',
  GetActivityPolicy: 'The policy that holds for it, and whether it is its own or its image’s.',
  DeleteActivityPolicy: 'Back to AWS’s rule: only traffic at the endpoint counts.',
  ListEvents:
    'Changes of state with their reasons, newest first; of one resource (ARN or id) or of all ([events](operating.md#events)).',
  StreamEvents: 'The same as server-sent events that go on; `since` is the id after which to begin.',
  CreateCredential: 'Makes a user with an access key and an IAM policy. The secret is in this answer only.',
  ListCredentials: 'All credentials but the root’s.',
  GetCredential: 'One of them.',
  UpdateCredential: 'Changes policy or expiry, enables or disables.',
  DeleteCredential: 'Ends it; the next request with its key is refused.',
  CreateConsoleLink: 'A one-time link to the [web console](console.md).',
  DescribeHost: 'The machine: processors, memory, disks, quotas, settings.',
  ListAuditEvents:
    'The newest lines of the audit record; calls that only read are left out unless `includeReads` says so.',
};

const intro = `# API extensions

What squib has beyond AWS lies under \`/_squib/v1/\` on the port of the API, in the form of AWS's own services: JSON, errors
with \`x-amzn-errortype\`, Signature V4 for the service \`squib\` with the credentials that all other calls take. The
command line is its first client. Members in the path are in braces; \`?\` marks members of the query string; the rest is the JSON
body. \`*\` is required. Times are ISO 8601, sizes bytes, durations seconds unless their names say otherwise.

A page made from the model: \`node scripts/extensions-page.ts\`.
`;

/** The whole page, as it must lie in docs/. */
export function extensionsPage(): string {
  return [intro, ...(Object.keys(summaries) as Name[]).map(section)].join('\n');
}

function section(name: Name): string {
  const { method, requestUri, responseCode, input, output, streams, upgrades } = squibModel.operations[name]!;
  const answer = upgrades ? 'a WebSocket' : (streams ?? (output === undefined ? 'no body' : members(output)));
  return `## ${name}

\`${method} ${requestUri}\` → ${responseCode}

${summaries[name]}

| | |
|---|---|
| permission | ${permissions(name)} |
| request | ${input === undefined ? 'nothing' : members(input)} |
| answer | ${answer} |
`;
}

/** Asks the rule itself, about things that are there. */
function permissions(name: Name): string {
  const rule = squibActions[name] as (input: object, caller: object, facts: object) => { action: string }[];
  const input = { microvmIdentifier: 'm', resourceIdentifier: 'm', userName: 'u' };
  const facts = { imageOfMicrovm: () => 'image', tagsOf: () => ({}) };
  const checks = rule(input, { accountId: '', region: '' }, facts);
  return checks.map(({ action }) => `\`${action}\``).join(', ');
}

function members(shapeName: string): string {
  const { members = {}, required = [] } = squibModel.shapes[shapeName]!;
  const all = Object.entries(members).map(([name, ref]) => member(name, ref, required.includes(name)));
  return all.length === 0 ? 'nothing' : all.join(', ');
}

function member(name: string, ref: MemberRef, required: boolean): string {
  const place = { uri: `{${name}}`, querystring: `?${name}`, header: `header ${ref.locationName}` };
  const shown = place[ref.location as keyof typeof place] ?? name;
  return `\`${shown}\`${required ? '\\*' : ''} (${type(squibModel.shapes[ref.shape]!)})`;
}

function type(shape: Shape): string {
  if (shape.type === 'list') {
    const item = squibModel.shapes[shape.member!.shape]!;
    return item.type === 'structure' ? `list of ${names(item)}` : `list of ${type(item)}`;
  }
  if (shape.type === 'structure') return names(shape);
  if (shape.min !== undefined && shape.max !== undefined && shape.type !== 'string') {
    return `${shape.type}, ${shape.min} to ${shape.max}`;
  }
  return shape.type === 'timestamp' ? 'time' : shape.type;
}

const names = ({ members = {} }: Shape) => `{ ${Object.keys(members).join(', ')} }`;

export const extensionsFile = fileURLToPath(new URL('../docs/api-extensions.md', import.meta.url));
if (import.meta.main) writeFileSync(extensionsFile, extensionsPage());
