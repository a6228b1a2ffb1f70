import { methodTable } from './vim-methods.js'
import { coreTypes } from './vim-types-core.js'
import { managedObjectTypes, siteTypes } from './vim-types-site.js'
import { vmTypes } from './vim-types-vm.js'

export type FieldType =
  | { readonly kind: 'primitive'; readonly name: Primitive }
  | { readonly kind: 'enum'; readonly name: string }
  | { readonly kind: 'ref'; readonly name: string }
  | { readonly kind: 'data'; readonly name: string }
  | { readonly kind: 'any' }

export interface Field {
  readonly name: string
  readonly type: FieldType
  readonly isList: boolean
  readonly isOptional: boolean
}

export interface Method {
  readonly name: string
  readonly receiver: string
  readonly parameters: readonly Field[]
  /** Null: answers with an empty response. */
  readonly result: Field | null
}

const primitives = [
  'string', 'int', 'long', 'short', 'byte', 'boolean', 'dateTime', 'anyURI', 'double', 'float', 'base64Binary',
] as const // prettier-ignore
export type Primitive = (typeof primitives)[number]

const isPrimitive = (name: string): name is Primitive => (primitives as readonly string[]).includes(name)

interface TypeRow {
  readonly base: string
  readonly own: readonly Field[]
}

/** What the published vim25 schema says about the types, properties and methods this simulator knows. */
export class VimSchema {
  private readonly dataTypes = new Map<string, TypeRow>([['DynamicData', { base: '', own: [] }]])
  private readonly objectTypes = new Map<string, TypeRow>([['ManagedObject', { base: '', own: [] }]])
  private readonly methods = new Map<string, Method>()

  constructor() {
    for (const line of logicalLines(coreTypes + vmTypes + siteTypes)) addRow(this.dataTypes, line)
    for (const line of logicalLines(managedObjectTypes)) addRow(this.objectTypes, line)
    for (const line of logicalLines(methodTable)) {
      const match = /^(\w+) @ (\w+) \(([^)]*)\) (\S+)$/.exec(line)
      const [, name = '', receiver = '', parameters = '', result = ''] = match ?? []
      if (match === null) throw new Error(`the method table has a line it should not have: ${line}`)
      this.methods.set(name, {
        name,
        receiver,
        parameters: fieldsOfText(parameters),
        result: result === 'void' ? null : parseField(`returnval:${result}`),
      })
    }
  }

  method(name: string): Method | undefined {
    return this.methods.get(name)
  }

  knowsData(type: string): boolean {
    return this.dataTypes.has(type)
  }

  knowsObject(type: string): boolean {
    return this.objectTypes.has(type)
  }

  /** All fields, those of the base first: the order of the XML schema. */
  fieldsOf(type: string): readonly Field[] {
    const row = this.dataTypes.get(type)
    return row === undefined ? [] : [...this.fieldsOf(row.base), ...row.own]
  }

  /** The fields of a type and of all that extend it; null for a type that is not listed. */
  fieldsOfFamily(type: string): readonly Field[] | null {
    if (!this.dataTypes.has(type)) return null
    const family = [...this.dataTypes.keys()].filter(other => this.isDataSubtype(other, type))
    return [...this.fieldsOf(type), ...family.flatMap(other => this.fieldsOf(other))]
  }

  /** All properties of a managed object's type. */
  propertiesOf(type: string): readonly Field[] {
    const row = this.objectTypes.get(type)
    return row === undefined ? [] : [...this.propertiesOf(row.base), ...row.own]
  }

  isDataSubtype(type: string, of: string): boolean {
    return isSubtype(this.dataTypes, type, of)
  }

  isObjectSubtype(type: string, of: string): boolean {
    return isSubtype(this.objectTypes, type, of)
  }
}

function isSubtype(rows: ReadonlyMap<string, TypeRow>, type: string, of: string): boolean {
  for (let at: string | undefined = type; at !== undefined && at !== ''; at = rows.get(at)?.base)
    if (at === of) return true
  return false
}

/** Joins continuation lines, which are indented. */
function logicalLines(text: string): string[] {
  return text
    .replaceAll(/\n +/g, ' ')
    .split('\n')
    .map(line => line.trim())
    .filter(line => line !== '')
}

function addRow(rows: Map<string, TypeRow>, line: string): void {
  const match = /^(\w+) < (\w+) \|(.*)$/.exec(line)
  const [, name = '', base = '', fields = ''] = match ?? []
  if (match === null) throw new Error(`the type table has a line it should not have: ${line}`)
  rows.set(name, { base, own: fieldsOfText(fields) })
}

const fieldsOfText = (text: string): Field[] =>
  text
    .split(' ')
    .filter(word => word !== '')
    .map(parseField)

function parseField(text: string): Field {
  const match = /^(\w+):([@#]?)(\w+)(\[\])?(\?)?$/.exec(text)
  const [, name = '', mark = '', typeName = '', list, optional] = match ?? []
  if (match === null) throw new Error(`the type table has a field it should not have: ${text}`)
  const type: FieldType =
    mark === '@'
      ? { kind: 'ref', name: typeName }
      : mark === '#'
        ? { kind: 'enum', name: typeName }
        : typeName === 'anyType'
          ? { kind: 'any' }
          : isPrimitive(typeName)
            ? { kind: 'primitive', name: typeName }
            : { kind: 'data', name: typeName }
  return { name, type, isList: list !== undefined, isOptional: optional !== undefined }
}
