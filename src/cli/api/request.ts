import type { ServiceModel } from '../../aws/protocol/model.ts';

/** Puts each member of an input where the model wants it: into the path, the query or the body (JSON; '' for none). */
export function requestOf(model: ServiceModel, operation: string, input: Record<string, unknown>) {
  const { method, requestUri, input: shape = '' } = model.operations[operation]!;
  const members = Object.entries(model.shapes[shape]?.members ?? {});
  const rest = { ...input };
  const take = (member: string) => {
    const value = rest[member];
    delete rest[member];
    return value;
  };
  const path = requestUri.replace(/\{(\w+)\+?\}/g, (_, label: string) => {
    const member = members.find(([name, ref]) => name === label || ref.locationName === label);
    return encodeURIComponent(String(take(member?.[0] ?? label)));
  });
  const query = new URLSearchParams();
  for (const [member, { location, locationName = member }] of members) {
    const value = location === 'querystring' ? take(member) : undefined;
    for (const item of [value].flat()) if (item !== undefined) query.append(locationName, String(item));
  }
  const plain = method === 'GET' || method === 'DELETE';
  return {
    method,
    path: query.size === 0 ? path : `${path}?${query}`,
    body: plain || model.operations[operation]!.takesStream ? '' : JSON.stringify(rest),
  };
}
