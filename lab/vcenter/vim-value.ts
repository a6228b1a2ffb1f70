import { type FieldType } from './vim-schema.js'

/** A reference to a managed object. */
export interface MoRef {
  readonly kind: 'ref'
  readonly type: string
  readonly id: string
}

/** A data object: its type and its fields; a field that is undefined is unset. */
export interface DataObject {
  readonly kind: 'data'
  readonly type: string
  readonly fields: Readonly<Record<string, VimValue | undefined>>
}

/** A value where the schema allows any type, with the type the schema gives it where it comes from. */
export interface TypedValue {
  readonly kind: 'typed'
  readonly declared: FieldType
  readonly value: VimValue
}

export type VimValue =
  string | number | bigint | boolean | Date | MoRef | DataObject | TypedValue | readonly VimValue[]

export const ref = (type: string, id: string): MoRef => ({ kind: 'ref', type, id })

export const data = (type: string, fields: DataObject['fields'] = {}): DataObject => ({
  kind: 'data',
  type,
  fields,
})

export const isRef = (value: VimValue | undefined): value is MoRef =>
  typeof value === 'object' && 'kind' in value && value.kind === 'ref'

export const isData = (value: VimValue | undefined): value is DataObject =>
  typeof value === 'object' && 'kind' in value && value.kind === 'data'

export const isTyped = (value: VimValue | undefined): value is TypedValue =>
  typeof value === 'object' && 'kind' in value && value.kind === 'typed'

export const isList = (value: VimValue | undefined): value is readonly VimValue[] => Array.isArray(value)

/** Readers for arguments that the schema has already checked: a wrong kind here is a bug of the schema. */
export function textOf(object: DataObject, field: string): string {
  const value = object.fields[field]
  if (typeof value !== 'string') throw new TypeError(`${object.type}.${field} is not a string`)
  return value
}

export function optionalText(object: DataObject, field: string): string | null {
  return object.fields[field] === undefined ? null : textOf(object, field)
}

export function numberOf(object: DataObject, field: string): number | null {
  const value = object.fields[field]
  if (value === undefined) return null
  if (typeof value !== 'number') throw new TypeError(`${object.type}.${field} is not an int`)
  return value
}

export function bigintOf(object: DataObject, field: string): bigint {
  const value = object.fields[field]
  if (typeof value !== 'bigint') throw new TypeError(`${object.type}.${field} is not a long`)
  return value
}

export const flagOf = (object: DataObject, field: string): boolean => object.fields[field] === true

export function refOf(object: DataObject, field: string): MoRef {
  const value = object.fields[field]
  if (!isRef(value)) throw new TypeError(`${object.type}.${field} is not a reference`)
  return value
}

export function optionalRef(object: DataObject, field: string): MoRef | null {
  return object.fields[field] === undefined ? null : refOf(object, field)
}

export function dataOf(object: DataObject, field: string): DataObject {
  const value = object.fields[field]
  if (!isData(value)) throw new TypeError(`${object.type}.${field} is not a data object`)
  return value
}

export function dataList(object: DataObject, field: string): readonly DataObject[] {
  const value = object.fields[field]
  if (value === undefined) return []
  if (!isList(value) || !value.every(isData)) throw new TypeError(`${object.type}.${field} is not a list`)
  return value
}

export function refList(object: DataObject, field: string): readonly MoRef[] {
  const value = object.fields[field]
  if (value === undefined) return []
  if (!isList(value) || !value.every(isRef)) throw new TypeError(`${object.type}.${field} is not a list`)
  return value
}

export function textList(object: DataObject, field: string): readonly string[] {
  const value = object.fields[field]
  if (value === undefined) return []
  if (!isList(value)) throw new TypeError(`${object.type}.${field} is not a list`)
  return value.filter(item => typeof item === 'string')
}
