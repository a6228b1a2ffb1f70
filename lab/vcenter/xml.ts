import { invalidRequest } from './fault.js'
import { scanXml, type RawElement } from './xml-scanner.js'

/** An element with its namespace resolved; `text` is empty or white space where it has child elements. */
export interface XmlElement {
  readonly name: string
  readonly namespace: string
  /** By `namespace local-name`, or by the plain name where the attribute has no prefix. */
  readonly attributes: ReadonlyMap<string, string>
  readonly children: readonly XmlElement[]
  readonly text: string
  /** Prefixes in force here, for values that are qualified names. */
  readonly prefixes: ReadonlyMap<string, string>
}

export const XSI = 'http://www.w3.org/2001/XMLSchema-instance'
export const XSD = 'http://www.w3.org/2001/XMLSchema'

/** Parses a document. Throws an InvalidRequest fault. */
export function parseXml(text: string): XmlElement {
  return resolve(scanXml(text), new Map([['xml', 'http://www.w3.org/XML/1998/namespace']]))
}

function resolve(raw: RawElement, outer: ReadonlyMap<string, string>): XmlElement {
  const prefixes = new Map(outer)
  for (const [name, value] of raw.attributes) {
    if (name === 'xmlns') prefixes.set('', value)
    else if (name.startsWith('xmlns:')) prefixes.set(name.slice(6), value)
  }
  const attributes = new Map<string, string>()
  for (const [name, value] of raw.attributes) {
    if (name === 'xmlns' || name.startsWith('xmlns:')) continue
    const { prefix, local } = splitName(name)
    attributes.set(prefix === '' ? local : `${namespaceOf(prefix, prefixes)} ${local}`, value)
  }
  const { prefix, local } = splitName(raw.name)
  if (raw.children.length > 0 && raw.text.trim() !== '')
    throw invalidRequest(`Unexpected text in the element ${local}: "${raw.text.trim().slice(0, 40)}"`)
  return {
    name: local,
    namespace: namespaceOf(prefix, prefixes),
    attributes,
    children: raw.children.map(child => resolve(child, prefixes)),
    text: raw.text,
    prefixes,
  }
}

function namespaceOf(prefix: string, prefixes: ReadonlyMap<string, string>): string {
  const namespace = prefixes.get(prefix)
  if (namespace !== undefined) return namespace
  if (prefix === '') return ''
  throw invalidRequest(`The namespace prefix ${prefix} is not declared`)
}

function splitName(qualified: string): { prefix: string; local: string } {
  const colon = qualified.indexOf(':')
  return colon < 0
    ? { prefix: '', local: qualified }
    : { prefix: qualified.slice(0, colon), local: qualified.slice(colon + 1) }
}

/** Resolves a qualified name such as the value of `xsi:type`. */
export function resolveName(value: string, at: XmlElement): { namespace: string; local: string } {
  const { prefix, local } = splitName(value.trim())
  return { namespace: namespaceOf(prefix, at.prefixes), local }
}

export const escapeXml = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
