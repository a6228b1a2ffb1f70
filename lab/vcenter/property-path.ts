import { VimFault } from './fault.js'
import { type ManagedObject } from './inventory.js'
import { type Field, type FieldType, type VimSchema } from './vim-schema.js'
import { isData, isList, isRef, type VimValue } from './vim-value.js'

export interface PathValue {
  readonly declared: FieldType
  readonly value: VimValue | undefined
}

const invalidProperty = (name: string): VimFault =>
  new VimFault('InvalidProperty', 'The property is not valid.', { name })

interface Step {
  readonly name: string
  /** What stands in brackets: the key of an element of a list. */
  readonly key: string | null
}

function stepsOf(path: string): Step[] {
  return path.split('.').map(part => {
    const match = /^(\w+)(?:\["?([^\]"]+)"?\])?$/.exec(part)
    if (match?.[1] === undefined) throw invalidProperty(path)
    return { name: match[1], key: match[2] ?? null }
  })
}

/** Throws InvalidProperty when the type of the object cannot have the property. */
export function checkPath(schema: VimSchema, objectType: string, path: string): void {
  walk(schema, schema.propertiesOf(objectType), path, () => undefined)
}

/** The value of a property path such as `config.hardware.device`; throws InvalidProperty when there is no such path. */
export function readPath(schema: VimSchema, object: ManagedObject, path: string): PathValue {
  return walk(schema, schema.propertiesOf(object.ref.type), path, name => object.property(name))
}

function walk(
  schema: VimSchema,
  properties: readonly Field[],
  path: string,
  first: (name: string) => VimValue | undefined,
): PathValue {
  let fields: readonly Field[] | null = properties
  let read: (name: string) => VimValue | undefined = first
  let found: PathValue = { declared: { kind: 'any' }, value: undefined }
  const steps = stepsOf(path)
  for (const [index, step] of steps.entries()) {
    // Types the schema does not list are open: anything below them is unset.
    if (fields === null) return { declared: { kind: 'any' }, value: undefined }
    const field: Field | undefined = fields.find(candidate => candidate.name === step.name)
    if (field === undefined) throw invalidProperty(path)
    let value = read(step.name)
    if (step.key !== null) {
      if (!field.isList) throw invalidProperty(path)
      value = isList(value) ? value.find(item => keyOfItem(item) === step.key) : undefined
    } else if (field.isList && index < steps.length - 1) {
      throw invalidProperty(path)
    }
    found = { declared: field.type, value }
    if (index === steps.length - 1) return found
    if (field.type.kind === 'ref' || field.type.kind === 'primitive' || field.type.kind === 'enum')
      throw invalidProperty(path)
    if (isData(value)) fields = schema.fieldsOf(value.type)
    else fields = field.type.kind === 'data' ? schema.fieldsOfFamily(field.type.name) : null
    read = name => (isData(value) ? value.fields[name] : undefined)
  }
  return found
}

function keyOfItem(item: VimValue): string | null {
  if (isRef(item)) return item.id
  if (!isData(item)) return null
  const key = item.fields['key']
  return typeof key === 'number' || typeof key === 'string' ? String(key) : null
}
