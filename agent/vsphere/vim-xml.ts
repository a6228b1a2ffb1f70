import { XMLParser } from 'fast-xml-parser'
import { AppError } from '../errors.js'
import { isBalanced } from './balanced.js'

/** A reference to a managed object: its type and its id, which only this server understands. */
export interface MoRef {
  readonly type: string
  readonly id: string
}

/** A parsed element: its text alone, or its children and attributes. */
export type Node = string | { readonly [name: string]: unknown }

/** An element to send. Children are written in the order given, which has to be that of the published schema. */
export interface Element {
  readonly name: string
  readonly value: string | boolean | number | bigint | MoRef | readonly Element[]
  /** The concrete type where the schema declares a base type. */
  readonly type?: string
}

export const element = (name: string, value: Element['value']): Element => ({ name, value })

/** An element of a type derived from the declared one. */
export const typed = (name: string, type: string, value: readonly Element[]): Element => ({
  name,
  value,
  type,
})

const isElements = (value: Element['value']): value is readonly Element[] => Array.isArray(value)

export function writeElement({ name, value, type }: Element): string {
  const xsi = type === undefined ? '' : ` xsi:type="${escape(type)}"`
  if (isElements(value)) return `<${name}${xsi}>${value.map(writeElement).join('')}</${name}>`
  if (typeof value === 'object')
    return `<${name} type="${escape(value.type)}" xsi:type="ManagedObjectReference">${escape(value.id)}</${name}>`
  return `<${name}${xsi}>${escape(String(value))}</${name}>`
}

/** A SOAP 1.1 envelope around one call of vim25, `_this` first. */
export const writeEnvelope = (method: string, target: MoRef, args: readonly Element[]): string =>
  '<?xml version="1.0" encoding="UTF-8"?>\n' +
  '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/" ' +
  'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">' +
  `<soapenv:Body><${method} xmlns="urn:vim25">${[element('_this', target), ...args].map(writeElement).join('')}` +
  `</${method}></soapenv:Body></soapenv:Envelope>`

const entities: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** Throws REQUEST_INVALID for characters XML 1.0 cannot carry at all. */
function escape(text: string): string {
  if (/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/u.test(text))
    throw new AppError('REQUEST_INVALID', 'a text for vCenter has a character that XML cannot carry')
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
    .replaceAll('\r', '&#13;')
}

const localName = (name: string): string => name.slice(name.indexOf(':') + 1)

/** Elements left unparsed until `unfold`: most of a VM's answer are devices, and few of those are disks. */
const folded = 'VirtualDevice'

// Attributes keep their prefix: `type` (of a reference) and `xsi:type` (of any value) stand on the same element.
const parser = new XMLParser({
  ignoreAttributes: false,
  attributeNamePrefix: '@',
  transformTagName: localName,
  stopNodes: [`..${folded}`],
  jPath: false,
  parseTagValue: false,
  parseAttributeValue: false,
  trimValues: false,
  processEntities: false,
  ignoreDeclaration: true,
  ignorePiTags: true,
  maxNestedTags: 200,
})

const invalid = (what: string, cause?: unknown): AppError => new AppError('VSPHERE_PROTOCOL', what, cause)

/**
 * Reads an answer. Throws VSPHERE_PROTOCOL for anything that is not one whole SOAP envelope; a document type or an entity
 * is refused before the parser sees it.
 */
export function parseEnvelope(text: string, what: string): Node {
  if (/<!(DOCTYPE|ENTITY)/i.test(text)) throw invalid(`${what}: the answer declares a document type`)
  if (!/<\/(?:[\w.-]+:)?Envelope\s*>\s*$/.test(text))
    throw invalid(`${what}: the answer is not a SOAP envelope`)
  if (!isBalanced(text)) throw invalid(`${what}: the answer is not well-formed`)
  return required(required(parseText(text, what), 'Envelope', what), 'Body', what)
}

/** The elements inside a device, which the parser left as they came. */
export const unfold = (device: Node): Node =>
  required(parseText(`<inside>${rawText(device)}</inside>`, folded), 'inside', folded)

function parseText(text: string, what: string): Node {
  try {
    return parser.parse(text) as Node
  } catch (cause) {
    throw invalid(`${what}: the answer is not XML`, cause)
  }
}

/** All children of a name; a list of one looks like a single child in the parsed form. */
export function childrenOf(node: Node | undefined, name: string): readonly Node[] {
  if (node === undefined || typeof node === 'string' || !Object.hasOwn(node, name)) return []
  const found = node[name]
  return (Array.isArray(found) ? found : [found]) as readonly Node[]
}

/** Undefined: absent. Throws VSPHERE_PROTOCOL when there are several. */
export function child(node: Node | undefined, name: string): Node | undefined {
  const found = childrenOf(node, name)
  if (found.length > 1) throw invalid(`the answer has ${found.length} elements ${name} where one belongs`)
  return found[0]
}

export function required(node: Node | undefined, name: string, what: string): Node {
  const found = child(node, name)
  if (found === undefined) throw invalid(`${what}: the answer has no ${name}`)
  return found
}

/** The node at the end of a path of single children. */
export const descend = (node: Node | undefined, ...names: readonly string[]): Node | undefined =>
  names.reduce<Node | undefined>(child, node)

export const text = (node: Node): string => unescape(rawText(node))

function rawText(node: Node): string {
  const raw = typeof node === 'string' ? node : node['#text']
  return typeof raw === 'string' ? raw : ''
}

export const textOf = (node: Node | undefined, name: string): string | undefined => {
  const found = child(node, name)
  return found === undefined ? undefined : text(found)
}

/** Throws VSPHERE_PROTOCOL when the text is not a whole number. */
export function wholeOf(node: Node | undefined, name: string): bigint | undefined {
  const found = textOf(node, name)?.trim()
  if (found === undefined) return undefined
  if (!/^-?\d{1,19}$/.test(found)) throw invalid(`${name} in the answer is not a whole number`)
  return BigInt(found)
}

export function flag(node: Node | undefined): boolean | undefined {
  if (node === undefined) return undefined
  const value = text(node).trim()
  if (value === 'true' || value === '1') return true
  if (value === 'false' || value === '0') return false
  throw invalid('a flag in the answer is neither true nor false')
}

/** The concrete type the value carries, without its prefix. */
export function typeOf(node: Node | undefined): string | undefined {
  if (node === undefined || typeof node === 'string') return undefined
  const key = Object.keys(node).find(name => name.startsWith('@') && name.endsWith(':type'))
  const value = key === undefined ? undefined : node[key]
  return typeof value === 'string' ? localName(value) : undefined
}

/** Throws VSPHERE_PROTOCOL when the node is no reference. */
export function refOf(node: Node | undefined, what: string): MoRef {
  const type = node === undefined || typeof node === 'string' ? undefined : node['@type']
  const id = node === undefined ? '' : text(node).trim()
  if (typeof type !== 'string' || id === '') throw invalid(`${what}: the answer has no reference`)
  return { type, id }
}

/** Only the five entities of XML itself and character references; parsing knows no others. */
const unescape = (raw: string): string =>
  raw.includes('&')
    ? raw.replaceAll(/&(#x[0-9a-f]{1,6}|#\d{1,7}|\w+);?/gi, (whole, name: string) => {
        const code = name.startsWith('#x')
          ? parseInt(name.slice(2), 16)
          : name.startsWith('#')
            ? Number(name.slice(1))
            : -1
        const found = code >= 0 && code <= 0x10ffff ? String.fromCodePoint(code) : entities[name]
        if (found === undefined || !whole.endsWith(';')) throw invalid('the answer has an unknown entity')
        return found
      })
    : raw
