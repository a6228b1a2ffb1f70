import { type FieldType, type VimSchema } from './vim-schema.js'
import { isData, isList, isRef, isTyped, type DataObject, type VimValue } from './vim-value.js'
import { escapeXml } from './xml.js'

const xsdNames: ReadonlySet<string> = new Set([
  'string',
  'int',
  'long',
  'boolean',
  'dateTime',
  'double',
  'float',
])

/** Writes values as the published schema orders them. Prefixes xsd, xsi and vim25 are declared by the envelope. */
export class Encoder {
  private readonly schema: VimSchema

  constructor(schema: VimSchema) {
    this.schema = schema
  }

  element(name: string, value: VimValue, type: FieldType): string {
    if (isList(value)) return value.map(item => this.element(name, item, type)).join('')
    if (isTyped(value)) return this.any(name, value.value, value.declared)
    return this.single(name, value, type, typeNameOf(value, type), type.kind === 'any')
  }

  /**
   * A value where the schema allows any type: carries its own type, and a list becomes an `ArrayOf…`. `declared` is what
   * the property's schema says, which is more than the value tells (an int, an enumeration).
   */
  any(name: string, value: VimValue, declared: FieldType): string {
    if (!isList(value)) return this.single(name, value, declared, typeNameOf(value, declared), true)
    const item = itemName(declared, value[0])
    const inner = value.map(one => {
      const actual = typeNameOf(one, declared)
      return this.single(
        item,
        one,
        declared,
        actual,
        declared.kind !== 'primitive' && declared.kind !== 'enum',
      )
    })
    const array = `ArrayOf${item.charAt(0).toUpperCase()}${item.slice(1)}`
    return `<${name} xsi:type="${array}">${inner.join('')}</${name}>`
  }

  private single(name: string, value: VimValue, declared: FieldType, actual: string, typed: boolean): string {
    const mustSay = typed || (declared.kind === 'data' && actual !== declared.name)
    const xsi = mustSay ? ` xsi:type="${xsdNames.has(actual) ? 'xsd:' : ''}${actual}"` : ''
    if (isRef(value)) return `<${name} type="${escapeXml(value.type)}"${xsi}>${escapeXml(value.id)}</${name}>`
    if (isData(value)) return `<${name}${xsi}>${this.fields(value)}</${name}>`
    if (isList(value) || isTyped(value)) throw new TypeError(`${name} is nested in a way it cannot be`)
    return `<${name}${xsi}>${escapeXml(scalarText(value))}</${name}>`
  }

  private fields(object: DataObject): string {
    const fields = this.schema.fieldsOf(object.type)
    const known = new Set(fields.map(field => field.name))
    for (const name of Object.keys(object.fields))
      if (!known.has(name)) throw new TypeError(`${object.type} has no field ${name}`)
    let text = ''
    for (const field of fields) {
      const value = object.fields[field.name]
      if (value === undefined) {
        if (field.isOptional) continue
        throw new TypeError(`${object.type} needs its field ${field.name}`)
      }
      text += this.element(field.name, value, field.type)
    }
    return text
  }
}

function scalarText(value: string | number | bigint | boolean | Date): string {
  return value instanceof Date ? value.toISOString() : String(value)
}

function typeNameOf(value: VimValue, declared: FieldType): string {
  if (isRef(value)) return 'ManagedObjectReference'
  if (isData(value)) return value.type
  if (isTyped(value)) return typeNameOf(value.value, value.declared)
  if (declared.kind === 'primitive' || declared.kind === 'enum') return declared.name
  if (typeof value === 'bigint') return 'long'
  if (typeof value === 'number') return 'int'
  if (typeof value === 'boolean') return 'boolean'
  return value instanceof Date ? 'dateTime' : 'string'
}

function itemName(declared: FieldType, first: VimValue | undefined): string {
  switch (declared.kind) {
    case 'ref':
      return 'ManagedObjectReference'
    case 'primitive':
    case 'enum':
    case 'data':
      return declared.name
    case 'any':
      return first === undefined ? 'anyType' : typeNameOf(first, declared)
  }
}
