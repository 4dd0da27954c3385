import { XMLParser } from 'fast-xml-parser';

/** Text, a list of elements of one name, or elements by name; undefined is left out. */
export type XmlValue = string | number | boolean | undefined | XmlValue[] | { [name: string]: XmlValue };

const ESCAPES: Record<string, string> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
};

/** Control characters become numeric references, as S3 writes them; the rest of XML's five are named. */
function escaped(text: string): string {
  return text.replace(/[&<>"'\p{Cc}]/gu, (c) => ESCAPES[c] ?? `&#x${c.charCodeAt(0).toString(16)};`);
}

function element(name: string, value: XmlValue): string {
  if (value === undefined) return '';
  if (Array.isArray(value)) return value.map((entry) => element(name, entry)).join('');
  if (typeof value !== 'object') return `<${name}>${escaped(String(value))}</${name}>`;
  return `<${name}>${children(value)}</${name}>`;
}

function children(value: { [name: string]: XmlValue }): string {
  return Object.entries(value)
    .map(([name, entry]) => (name === '#text' ? escaped(String(entry)) : element(name, entry)))
    .join('');
}

/** @param value `#text` stands for text beside elements. @returns a document with its declaration */
export function writeXml(root: string, value: { [name: string]: XmlValue }, namespace?: string): string {
  const attribute = namespace ? ` xmlns="${namespace}"` : '';
  return `<?xml version="1.0" encoding="UTF-8"?>\n<${root}${attribute}>${children(value)}</${root}>`;
}

/** The document cannot be parsed. */
export class MalformedXml extends Error {
  override readonly name = 'MalformedXml';
}

const parser = new XMLParser({
  ignoreAttributes: true,
  ignoreDeclaration: true,
  removeNSPrefix: true,
  parseTagValue: false,
  trimValues: false,
  htmlEntities: true,
  alwaysCreateTextNode: false,
});

/** What an element holds: text, or elements by name (a list where a name comes more than once). */
export type XmlNode = string | XmlNode[] | { [name: string]: XmlNode };

/** @returns the content of the root element. @throws MalformedXml */
export function readXml(text: string, root: string): XmlNode {
  // A document type could define entities that grow without end; no AWS client sends one.
  if (/<!DOCTYPE|<!ENTITY/i.test(text)) throw new MalformedXml('document types are refused');
  let document: unknown;
  try {
    document = parser.parse(text, true);
  } catch (error) {
    throw new MalformedXml(error instanceof Error ? error.message : String(error));
  }
  const content = (document as Record<string, XmlNode | undefined>)[root];
  if (content === undefined) throw new MalformedXml(`there is no ${root} element`);
  return content;
}

/** @returns the elements of that name, none, one or many */
export function elements(node: XmlNode, name: string): XmlNode[] {
  if (typeof node !== 'object' || Array.isArray(node) || !Object.hasOwn(node, name)) return [];
  const found = node[name]!;
  return Array.isArray(found) ? found : [found];
}

/** @returns the text of the only element of that name */
export function textOf(node: XmlNode, name: string): string | undefined {
  const [found, ...others] = elements(node, name);
  return typeof found === 'string' && others.length === 0 ? found : undefined;
}
