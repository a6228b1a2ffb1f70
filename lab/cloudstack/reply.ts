import { type ApiError } from './api-error.js'

/** A response as CloudStack's serialisers see it. Undefined fields do not appear. */
export type Tree = string | number | boolean | readonly Tree[] | Fields
export interface Fields {
  readonly [name: string]: Tree | undefined
}

export interface Reply {
  readonly status: number
  /** `<command in lower case>response`. */
  readonly name: string
  readonly fields: Fields
}

export type Format = 'json' | 'xml'

export const contentTypes = {
  json: 'application/json; charset=UTF-8',
  xml: 'text/xml; charset=UTF-8',
} as const

const isList = (tree: readonly Tree[] | Fields): tree is readonly Tree[] => Array.isArray(tree)

export const errorFields = (error: ApiError): Fields => ({
  uuidList: [],
  errorcode: error.code,
  cserrorcode: error.csCode ?? undefined,
  errortext: error.message,
})

/** `version` is that of the management server, which XML answers carry. */
export function serialize(reply: Reply, format: Format, version: string): string {
  if (format === 'json') return JSON.stringify({ [reply.name]: reply.fields })
  const attribute = `cloud-stack-version="${escape(version)}"`
  const content = Object.entries(reply.fields).map(([name, value]) => element(name, value))
  return `<?xml version="1.0" encoding="UTF-8"?><${reply.name} ${attribute}>${content.join('')}</${reply.name}>`
}

function element(name: string, value: Tree | undefined): string {
  if (value === undefined) return ''
  if (typeof value !== 'object') return `<${name}>${escape(String(value))}</${name}>`
  if (isList(value)) return value.map(item => element(name, item)).join('')
  const content = Object.entries(value).map(([inner, tree]) => element(inner, tree))
  return `<${name}>${content.join('')}</${name}>`
}

const entities: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&apos;',
}
/** Control characters, which XML 1.0 cannot carry at all, become U+FFFD. */
const escape = (text: string): string =>
  text
    .replace(/[&<>"']/g, character => entities[character] ?? character)
    .replace(/[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\u{10000}-\u{10ffff}]/gu, '\ufffd')

/** 2026-01-01T00:00:00+0000, the only form CloudStack writes dates in. */
export const dateText = (date: Date): string => `${date.toISOString().slice(0, 19)}+0000`
