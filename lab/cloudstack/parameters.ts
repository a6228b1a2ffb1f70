import { invalidValue, parameterError } from './api-error.js'
import { type RequestParameters } from './request.js'

/** What the id in a parameter may name. `none`: kinds of things this cloud has none of, such as projects. */
export type EntityKind =
  | 'zone'
  | 'disk-offering'
  | 'service-offering'
  | 'template'
  | 'network'
  | 'vm'
  | 'volume'
  | 'snapshot'
  | 'job'
  | 'account'
  | 'domain'
  | 'pool'
  | 'none'

export type ParameterType = 'uuid' | 'string' | 'integer' | 'long' | 'boolean' | 'date' | 'list' | 'map'

export interface ParameterSpec {
  readonly name: string
  readonly type: ParameterType
  readonly required: boolean
  /** Of ids, and of lists of ids; undefined: plain text. */
  readonly entity?: EntityKind
}

const spec = (name: string, type: ParameterType, entity?: EntityKind): ParameterSpec =>
  entity === undefined ? { name, type, required: false } : { name, type, required: false, entity }

/** Short names for tables of parameters; several names make several parameters. */
export const id = (name: string, entity: EntityKind): ParameterSpec => spec(name, 'uuid', entity)
export const ids = (name: string, entity: EntityKind): ParameterSpec => spec(name, 'list', entity)
export const texts = (...names: string[]): ParameterSpec[] => names.map(name => spec(name, 'string'))
export const longs = (...names: string[]): ParameterSpec[] => names.map(name => spec(name, 'long'))
export const flags = (...names: string[]): ParameterSpec[] => names.map(name => spec(name, 'boolean'))
export const lists = (...names: string[]): ParameterSpec[] => names.map(name => spec(name, 'list'))
export const maps = (...names: string[]): ParameterSpec[] => names.map(name => spec(name, 'map'))
export const dates = (...names: string[]): ParameterSpec[] => names.map(name => spec(name, 'date'))
export const absent = (...names: string[]): ParameterSpec[] => names.map(name => id(name, 'none'))
export const needed = (parameter: ParameterSpec): ParameterSpec => ({ ...parameter, required: true })

/** Of every list command. */
export const listParameters: readonly ParameterSpec[] = [
  ...texts('keyword'),
  spec('page', 'integer'),
  spec('pagesize', 'integer'),
]

/** Of list commands about what accounts own. */
export const ownedListParameters: readonly ParameterSpec[] = [
  ...listParameters,
  ...texts('account'),
  id('domainid', 'domain'),
  ...absent('projectid'),
  ...flags('isrecursive', 'listall'),
]

type Value = string | number | boolean | readonly string[] | readonly Readonly<Record<string, string>>[]

/** The parameters of one call, of the types their command gives them. */
export class Arguments {
  readonly #values: ReadonlyMap<string, Value>

  constructor(values: ReadonlyMap<string, Value>) {
    this.#values = values
  }

  text(name: string): string | undefined {
    const value = this.#values.get(name)
    return typeof value === 'string' ? value : undefined
  }

  /** Of a parameter that is required, so that the call was refused without it. */
  given(name: string): string {
    const value = this.text(name)
    if (value === undefined) throw new Error(`parameter ${name} is not marked as required`)
    return value
  }

  number(name: string): number | undefined {
    const value = this.#values.get(name)
    return typeof value === 'number' ? value : undefined
  }

  flag(name: string): boolean | undefined {
    const value = this.#values.get(name)
    return typeof value === 'boolean' ? value : undefined
  }

  list(name: string): readonly string[] | undefined {
    const value = this.#values.get(name)
    return Array.isArray(value) ? value.filter((item): item is string => typeof item === 'string') : undefined
  }

  /** The entries of `name[0].key=…&name[0].value=…`. */
  entries(name: string): readonly Readonly<Record<string, string>>[] {
    const value = this.#values.get(name)
    if (!Array.isArray(value)) return []
    return value.filter((item): item is Readonly<Record<string, string>> => typeof item === 'object')
  }
}

export interface ParameterRules {
  readonly strict: boolean
  readonly exists: (kind: EntityKind, id: string) => boolean
}

/** Parameters that belong to the request and not to the command. */
const ofRequest = new Set([
  'command',
  'response',
  'apikey',
  'signature',
  'signatureversion',
  'expires',
  'sessionkey',
  '_',
])

/** Checks and converts the parameters of a command, in CloudStack's order and with its texts. */
export function readArguments(
  command: { readonly name: string; readonly parameters: readonly ParameterSpec[] },
  parameters: RequestParameters,
  rules: ParameterRules,
): Arguments {
  const given = unpack(parameters)
  const lower = command.name.toLowerCase()
  const values = new Map<string, Value>()
  for (const parameter of command.parameters) {
    const value = given.get(parameter.name)
    if (value !== undefined) {
      const converted = convert(lower, parameter, value, rules)
      if (converted !== undefined) values.set(parameter.name, converted)
    } else if (parameter.required) {
      throw parameterError(
        `Unable to execute API command ${lower} due to missing parameter ${parameter.name}`,
      )
    }
  }
  const known = new Set(command.parameters.map(parameter => parameter.name))
  // Clients send it with every list command, whether it is published there or not (cloudmonkey to complete words).
  if (lower.startsWith('list')) known.add('listall')
  const unknown = [...given.keys()].filter(name => !known.has(name) && !ofRequest.has(name))
  if (rules.strict && unknown.length > 0)
    throw parameterError(`Unknown parameters for command ${command.name}: ${unknown.sort().join(' ')}`)
  return new Arguments(values)
}

type Packed = string | Map<string, Record<string, string>>

/** Names in lower case; `tags[0].key=a` becomes entry 0 of `tags`, with its inner names as sent. */
function unpack(parameters: RequestParameters): Map<string, Packed> {
  const given = new Map<string, Packed>()
  for (const [name, value] of parameters) {
    const indexed = /^([^[\]]+)\[(\w+)\](?:\.(.+))?$/.exec(name)
    if (indexed === null) {
      if (/[[\]]/.test(name))
        throw parameterError(`Unable to decode parameter ${name}; the expected form is name[0].field`)
      given.set(name.toLowerCase(), value)
      continue
    }
    const [, outer = '', index = '', inner = 'value'] = indexed
    const before = given.get(outer.toLowerCase())
    const entries = before instanceof Map ? before : new Map<string, Record<string, string>>()
    entries.set(index, { ...entries.get(index), [inner]: value })
    given.set(outer.toLowerCase(), entries)
  }
  return given
}

function convert(
  command: string,
  parameter: ParameterSpec,
  value: Packed,
  rules: ParameterRules,
): Value | undefined {
  const bad = () =>
    parameterError(
      `Unable to execute API command ${command} due to invalid value ${value instanceof Map ? '' : value} for parameter ${parameter.name}`,
    )
  if (parameter.type === 'map') {
    if (value instanceof Map) return [...value.values()]
    throw bad()
  }
  if (value instanceof Map) throw bad()
  switch (parameter.type) {
    case 'string':
      if (value.length > 255)
        throw parameterError(
          `Unable to execute API command ${command} due to invalid value. Value greater than max allowed length 255 for param: ${parameter.name}`,
        )
      return value
    case 'uuid':
      checkId(command, parameter, value, rules)
      return value
    case 'integer':
      if (value.trim() === '') return undefined
      return whole(value, 2 ** 31 - 1, bad)
    case 'long':
      return whole(value, Number.MAX_SAFE_INTEGER, bad)
    case 'boolean':
      if (/^(true|false)$/i.test(value)) return value.toLowerCase() === 'true'
      // CloudStack reads whatever else as false.
      if (rules.strict) throw bad()
      return false
    case 'date':
      if (/^\d{4}-\d\d-\d\d(T\d\d:\d\d:\d\d[+-]\d{4})?$/.test(value)) return value
      throw bad()
    case 'list': {
      const items = value.split(',').filter(item => item !== '')
      if (parameter.entity !== undefined) for (const item of items) checkId(command, parameter, item, rules)
      return items
    }
  }
}

function whole(value: string, most: number, bad: () => Error): number {
  const number = /^[+-]?\d+$/.test(value) ? Number(value) : Number.NaN
  if (Number.isNaN(number) || Math.abs(number) > most) throw bad()
  return number
}

function checkId(command: string, parameter: ParameterSpec, value: string, rules: ParameterRules): void {
  // All projects, of which this cloud has none.
  if (parameter.name === 'projectid' && value === '-1') return
  if (rules.exists(parameter.entity ?? 'none', value)) return
  throw parameterError(
    `Unable to execute API command ${command} due to invalid value. Invalid parameter ${parameter.name} value=${value} due to incorrect long value format, or entity does not exist or due to incorrect parameter annotation for the field in api cmd class.`,
  )
}

/** Refuses half a page, and pages beyond the server's limit. */
export function pageOf(
  args: Arguments,
  maxPageSize: number,
): { readonly start: number; readonly size: number } {
  const page = args.number('page')
  const size = args.number('pagesize')
  if (page === undefined && size !== undefined && size !== -1)
    throw parameterError('"page" parameter is required when "pagesize" is specified')
  if (page !== undefined && size === undefined)
    throw parameterError('"pagesize" parameter is required when "page" is specified')
  if (size === undefined) return { start: 0, size: maxPageSize }
  if (size === -1) return { start: 0, size: Number.MAX_SAFE_INTEGER }
  if (size > maxPageSize)
    throw invalidValue(`Page size can not exceed max allowed page size value: ${maxPageSize}`)
  if (size < 1) throw parameterError(`Invalid value provided for API arg: pagesize`)
  return { start: Math.max(0, (page ?? 1) - 1) * size, size }
}
