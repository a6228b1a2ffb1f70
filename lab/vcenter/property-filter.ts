import { invalidArgument, localized, objectNotFound, VimFault } from './fault.js'
import { type Inventory, type ManagedObject } from './inventory.js'
import { checkPath, readPath } from './property-path.js'
import { type VimSchema } from './vim-schema.js'
import {
  data, dataList, flagOf, isList, isRef, optionalText, refOf, textList, textOf,
  type DataObject, type MoRef, type VimValue,
} from './vim-value.js' // prettier-ignore

/** Which objects a filter spec selects and which of their properties. */
export interface Selected {
  readonly ref: MoRef
  readonly paths: readonly string[]
}

/** Paths a session may not read, for the missing rights a real user has; answered in missingSet. */
export type MayRead = (object: MoRef, path: string) => boolean

export interface CollectorWorld {
  readonly schema: VimSchema
  readonly inventory: Inventory
  readonly mayRead: MayRead
  /** The session that asks, which one property of the session manager shows. */
  readonly session: DataObject | null
}

/** Checks types and paths of a spec before anything is collected. Throws InvalidType, InvalidProperty. */
export function checkSpec(world: CollectorWorld, spec: DataObject): void {
  for (const propSet of dataList(spec, 'propSet')) {
    const type = textOf(propSet, 'type')
    if (!world.schema.knowsObject(type))
      throw new VimFault('InvalidType', 'The request refers to an unexpected or unknown type.', {
        argument: 'specSet.propSet.type',
      })
    for (const path of textList(propSet, 'pathSet')) checkPath(world.schema, type, path)
  }
}

/** The objects a spec selects, each once, in the order in which they were met. Throws ManagedObjectNotFound. */
export function select(world: CollectorWorld, spec: DataObject): Selected[] {
  const met = new Map<string, Selected>()
  const propSets = dataList(spec, 'propSet')
  for (const objectSpec of dataList(spec, 'objectSet')) {
    const start = refOf(objectSpec, 'obj')
    const object = world.inventory.find(start)
    if (object === undefined) {
      if (flagOf(spec, 'reportMissingObjectsInResults')) continue
      throw objectNotFound(start.type, start.id)
    }
    const selectSet = dataList(objectSpec, 'selectSet')
    const named = new Map<string, DataObject>()
    collectNames(selectSet, named)
    const visit = (
      at: ManagedObject,
      skip: boolean,
      selections: readonly DataObject[],
      seen: Set<string>,
    ): void => {
      const key = `${at.ref.type}:${at.ref.id}`
      if (!skip && !met.has(key)) {
        const paths = pathsFor(world, at.ref, propSets)
        if (paths !== null) met.set(key, { ref: at.ref, paths })
      }
      for (const selection of selections) {
        const traversal = resolve(selection, named)
        if (!world.schema.isObjectSubtype(at.ref.type, textOf(traversal, 'type'))) continue
        const path = textOf(traversal, 'path')
        const visited = `${key} ${textOf(traversal, 'type')}.${path} ${optionalText(traversal, 'name') ?? ''}`
        if (seen.has(visited)) continue
        seen.add(visited)
        for (const next of referencesIn(readPath(world.schema, at, path).value)) {
          const child = world.inventory.find(next)
          if (child !== undefined)
            visit(child, flagOf(traversal, 'skip'), dataList(traversal, 'selectSet'), seen)
        }
      }
    }
    visit(object, flagOf(objectSpec, 'skip'), selectSet, new Set())
  }
  return [...met.values()]
}

function collectNames(selections: readonly DataObject[], named: Map<string, DataObject>): void {
  for (const selection of selections) {
    if (selection.type !== 'TraversalSpec') continue
    const name = optionalText(selection, 'name')
    if (name !== null) named.set(name, selection)
    collectNames(dataList(selection, 'selectSet'), named)
  }
}

function resolve(selection: DataObject, named: ReadonlyMap<string, DataObject>): DataObject {
  if (selection.type === 'TraversalSpec') return selection
  const traversal = named.get(optionalText(selection, 'name') ?? '')
  if (traversal === undefined) throw invalidArgument('specSet.objectSet.selectSet.name')
  return traversal
}

function referencesIn(value: VimValue | undefined): readonly MoRef[] {
  if (isRef(value)) return [value]
  return isList(value) ? value.filter(isRef) : []
}

/** Null: no propSet is for this type, so the object does not appear at all. */
function pathsFor(world: CollectorWorld, object: MoRef, propSets: readonly DataObject[]): string[] | null {
  const mine = propSets.filter(set => world.schema.isObjectSubtype(object.type, textOf(set, 'type')))
  if (mine.length === 0) return null
  const paths = mine.flatMap(set =>
    flagOf(set, 'all')
      ? world.schema.propertiesOf(object.type).map(field => field.name)
      : textList(set, 'pathSet'),
  )
  return [...new Set(paths)]
}

export interface Collected {
  readonly propSet: readonly DataObject[]
  readonly missingSet: readonly DataObject[]
}

/** Reads the selected properties of one object as they are now; null when it no longer exists. */
export function collect(world: CollectorWorld, selected: Selected): Collected | null {
  const object = world.inventory.find(selected.ref)
  if (object === undefined) return null
  const propSet: DataObject[] = []
  const missingSet: DataObject[] = []
  for (const path of selected.paths) {
    if (!world.mayRead(selected.ref, path)) {
      const fault = new VimFault('NoPermission', 'Permission to perform this operation was denied.', {
        object: selected.ref,
        privilegeId: 'System.Read',
      })
      missingSet.push(data('MissingProperty', { path, fault: localized(fault) }))
      continue
    }
    const { declared, value } = readPath(world.schema, forSession(object, world.session), path)
    if (value !== undefined)
      propSet.push(data('DynamicProperty', { name: path, val: { kind: 'typed', declared, value } }))
  }
  return { propSet, missingSet }
}

/** A managed object as one session sees it. */
export function forSession(object: ManagedObject, session: DataObject | null): ManagedObject {
  if (object.ref.type !== 'SessionManager') return object
  return {
    ref: object.ref,
    property: name => (name === 'currentSession' ? (session ?? undefined) : object.property(name)),
  }
}

export const objectContent = (object: MoRef, collected: Collected): DataObject =>
  data('ObjectContent', {
    obj: object,
    propSet: orUnset(collected.propSet),
    missingSet: orUnset(collected.missingSet),
  })

export const orUnset = (list: readonly DataObject[]): readonly DataObject[] | undefined =>
  list.length === 0 ? undefined : list
