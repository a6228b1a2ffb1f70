import { invalidRequest, VimFault } from './fault.js'
import { type Field, type FieldType, type Primitive, type VimSchema } from './vim-schema.js'
import { data, ref, type DataObject, type VimValue } from './vim-value.js'
import { resolveName, XSD, XSI, type XmlElement } from './xml.js'

export const VIM_NAMESPACE = 'urn:vim25'

/** Turns the elements of a request into values, holding them to the schema: order, number, types, required fields. */
export class Decoder {
  private readonly schema: VimSchema

  constructor(schema: VimSchema) {
    this.schema = schema
  }

  /** The parameters of a call, or the fields of a data object. `owner` names it in faults. */
  fields(children: readonly XmlElement[], fields: readonly Field[], owner: string): DataObject {
    const values: Record<string, VimValue> = {}
    let at = 0
    for (const field of fields) {
      const mine: XmlElement[] = []
      for (let child = children[at]; child?.name === field.name; child = children[++at]) {
        if (child.namespace !== VIM_NAMESPACE)
          throw invalidRequest(
            `Unexpected namespace "${child.namespace}" of the element ${child.name} in ${owner}`,
          )
        mine.push(child)
      }
      if (mine.length === 0) {
        if (field.isOptional) continue
        throw invalidRequest(
          `Required property ${field.name} is missing from data object of type ${owner}${this.hint(children[at], fields)}`,
        )
      }
      if (field.isList) values[field.name] = mine.map(child => this.value(child, field.type, owner))
      else if (mine.length === 1 && mine[0] !== undefined)
        values[field.name] = this.value(mine[0], field.type, owner)
      else throw invalidRequest(`Unexpected element tag "${field.name}" seen: it appears twice in ${owner}`)
    }
    const rest = children[at]
    if (rest !== undefined)
      throw invalidRequest(`Unexpected element tag "${rest.name}" seen in ${owner}${this.hint(rest, fields)}`)
    return data(owner, values)
  }

  reference(element: XmlElement, declared: string): VimValue {
    const type = element.attributes.get('type')
    const id = element.text.trim()
    if (type === undefined || id === '' || element.children.length > 0)
      throw invalidRequest(`The element ${element.name} is not a reference to a managed object`)
    this.checkXsiType(element, 'ManagedObjectReference', VIM_NAMESPACE)
    if (!this.schema.knowsObject(type)) throw unknownType(element.name)
    if (declared !== 'ManagedObject' && !this.schema.isObjectSubtype(type, declared))
      throw unknownType(element.name)
    return ref(type, id)
  }

  private value(element: XmlElement, type: FieldType, owner: string): VimValue {
    switch (type.kind) {
      case 'ref':
        return this.reference(element, type.name)
      case 'primitive':
        this.checkXsiType(element, type.name, XSD)
        return primitive(element, type.name)
      case 'enum':
        this.checkXsiType(element, type.name, VIM_NAMESPACE)
        return primitive(element, 'string')
      case 'data':
        return this.object(element, type.name)
      case 'any':
        return this.anything(element, owner)
    }
  }

  private object(element: XmlElement, declared: string): DataObject {
    const stated = element.attributes.get(`${XSI} type`)
    const actual = stated === undefined ? declared : this.vimName(stated, element)
    if (!this.schema.knowsData(actual)) throw unknownType(element.name)
    if (!this.schema.isDataSubtype(actual, declared)) throw unknownType(element.name)
    if (element.text.trim() !== '') throw invalidRequest(`Unexpected text in ${element.name}`)
    return this.fields(element.children, this.schema.fieldsOf(actual), actual)
  }

  private anything(element: XmlElement, owner: string): VimValue {
    const stated = element.attributes.get(`${XSI} type`)
    if (stated === undefined)
      throw invalidRequest(`The element ${element.name} of ${owner} needs an xsi:type`)
    const { namespace, local } = resolveName(stated, element)
    if (namespace !== XSD) return this.object(element, local)
    return primitive(element, local as Primitive)
  }

  private checkXsiType(element: XmlElement, expected: string, namespace: string): void {
    const stated = element.attributes.get(`${XSI} type`)
    if (stated === undefined) return
    const name = resolveName(stated, element)
    if (name.local !== expected || name.namespace !== namespace) throw unknownType(element.name)
  }

  private vimName(stated: string, element: XmlElement): string {
    const { namespace, local } = resolveName(stated, element)
    if (namespace !== VIM_NAMESPACE) throw unknownType(element.name)
    return local
  }

  private hint(found: XmlElement | undefined, fields: readonly Field[]): string {
    if (found === undefined) return ''
    const known = fields.some(field => field.name === found.name)
    return known ? ` (the element ${found.name} is out of order)` : ` (found ${found.name})`
  }
}

const unknownType = (argument: string): VimFault =>
  new VimFault('InvalidType', 'The request refers to an unexpected or unknown type.', { argument })

const integerRanges: Readonly<Partial<Record<Primitive, readonly [bigint, bigint]>>> = {
  byte: [-128n, 127n],
  short: [-32_768n, 32_767n],
  int: [-2_147_483_648n, 2_147_483_647n],
  long: [-9_223_372_036_854_775_808n, 9_223_372_036_854_775_807n],
}

function primitive(element: XmlElement, type: Primitive): VimValue {
  if (element.children.length > 0) throw invalidRequest(`Unexpected element inside ${element.name}`)
  const text = element.text
  const wrong = (): VimFault =>
    invalidRequest(`"${text.slice(0, 40)}" is not a valid ${type} (${element.name})`)
  const range = integerRanges[type]
  if (range !== undefined) {
    const trimmed = text.trim()
    if (!/^[+-]?[0-9]{1,19}$/.test(trimmed)) throw wrong()
    const value = BigInt(trimmed.replace(/^\+/, ''))
    if (value < range[0] || value > range[1]) throw wrong()
    return type === 'long' ? value : Number(value)
  }
  switch (type) {
    case 'boolean': {
      const word = text.trim()
      if (word === 'true' || word === '1') return true
      if (word === 'false' || word === '0') return false
      throw wrong()
    }
    case 'dateTime': {
      const time = new Date(text.trim())
      if (Number.isNaN(time.getTime())) throw wrong()
      return time
    }
    case 'double':
    case 'float': {
      const value = Number(text)
      if (text.trim() === '' || Number.isNaN(value)) throw wrong()
      return value
    }
    default:
      return text
  }
}
