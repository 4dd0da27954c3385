import type { Json, JsonObject } from './parse.ts';
import { isObject } from './template.ts';

/**
 * What the transform AWS::Serverless-2016-10-31 makes of `AWS::Serverless::MicrovmImage`; other serverless types stay
 * and are refused by their names (spec: cloudformation-and-tools 3).
 */
export function expandServerless(source: JsonObject): JsonObject {
  if (!isObject(source.Resources)) return source;
  const resources = Object.entries(source.Resources).map(([name, resource]) => [
    name,
    isObject(resource) && resource.Type === 'AWS::Serverless::MicrovmImage'
      ? image(name, resource)
      : resource,
  ]);
  return { ...source, Resources: Object.fromEntries(resources) };
}

function image(name: string, resource: JsonObject): JsonObject {
  const given = isObject(resource.Properties) ? resource.Properties : {};
  const { CodeUri, EnvironmentVariables, Tags, PropagateTags: _, ...rest } = given;
  const properties: JsonObject = {
    Name: name,
    ...rest,
    ...(CodeUri !== undefined && { CodeArtifact: { Uri: codeUri(CodeUri) } }),
    ...(EnvironmentVariables !== undefined && { EnvironmentVariables: pairs(EnvironmentVariables) }),
    ...(Tags !== undefined && { Tags: pairs(Tags) }),
  };
  return { ...resource, Type: 'AWS::Lambda::MicrovmImage', Properties: properties };
}

/** `s3://…` as the packing tools leave it, or `{Bucket, Key}`. */
function codeUri(value: Json): Json {
  if (!isObject(value) || value.Bucket === undefined) return value;
  return { 'Fn::Join': ['', ['s3://', value.Bucket, '/', value.Key ?? '']] };
}

/** A map becomes a list of `{Key, Value}`. */
function pairs(value: Json): Json {
  return isObject(value) ? Object.entries(value).map(([Key, Value]) => ({ Key, Value })) : value;
}
