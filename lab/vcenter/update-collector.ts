import { type Encoder } from './encode.js'
import { VimFault } from './fault.js'
import { type Inventory, type ManagedObject } from './inventory.js'
import { collect, orUnset, select, type Collected, type CollectorWorld } from './property-filter.js'
import { data, type DataObject, type MoRef, type VimValue } from './vim-value.js'

/** What a filter's client has been told: per object, the encoded value per path. */
type Told = Map<string, { readonly ref: MoRef; readonly values: Map<string, string> }>

/** A PropertyFilter: what it selects, and what its client knows already. */
export class PropertyFilter implements ManagedObject {
  readonly ref: MoRef
  readonly spec: DataObject
  readonly partialUpdates: boolean
  told: Told = new Map()

  constructor(ref: MoRef, spec: DataObject, partialUpdates: boolean) {
    this.ref = ref
    this.spec = spec
    this.partialUpdates = partialUpdates
  }

  property(name: string): VimValue | undefined {
    if (name === 'spec') return this.spec
    return name === 'partialUpdates' ? this.partialUpdates : undefined
  }
}

export interface WaitLimits {
  /** Null: until something changes. */
  readonly waitMs: number | null
  readonly maxObjectUpdates: number | null
}

/** The updates of the filters of one PropertyCollector of one session, version by version. */
export class UpdateCollector {
  readonly filters: PropertyFilter[] = []
  private readonly world: CollectorWorld
  private readonly encoder: Encoder
  private version = 0
  private last: DataObject | null = null
  private waiting: AbortController | null = null

  constructor(world: CollectorWorld, encoder: Encoder) {
    this.world = world
    this.encoder = encoder
  }

  /** Ends a wait under way with RequestCanceled. */
  cancel(): void {
    this.waiting?.abort()
  }

  /**
   * The changes since `version`; all objects when it is empty. Undefined when nothing changed in time. The version
   * before the newest may be asked again (its answer was lost); any other is InvalidCollectorVersion.
   */
  async wait(version: string, limits: WaitLimits): Promise<DataObject | undefined> {
    if (version === '') {
      this.version = 0
      this.last = null
      for (const filter of this.filters) filter.told = new Map()
    } else if (version === String(this.version - 1) && this.last !== null) {
      return this.last
    } else if (version !== String(this.version)) {
      throw new VimFault('InvalidCollectorVersion', 'The collector version is not valid.')
    }
    this.waiting?.abort()
    const control = new AbortController()
    this.waiting = control
    const end = limits.waitMs === null ? null : performance.now() + limits.waitMs
    for (;;) {
      const watch = new ChangeWatch(this.world.inventory, control.signal)
      try {
        const updates = this.updates(limits.maxObjectUpdates)
        if (updates !== null) {
          this.version += 1
          this.last = data('UpdateSet', { version: String(this.version), ...updates })
          return this.last
        }
        if (!(await watch.changedBefore(end))) return undefined
      } finally {
        watch.stop()
      }
      if (control.signal.aborted) throw new VimFault('RequestCanceled', 'The request was canceled by a user.')
    }
  }

  private updates(limit: number | null): { filterSet: DataObject[]; truncated?: boolean } | null {
    const filterSet: DataObject[] = []
    let room = limit ?? Number.MAX_SAFE_INTEGER
    for (const filter of this.filters) {
      const objectSet = this.filterUpdates(filter, room)
      room -= objectSet.length
      if (objectSet.length > 0)
        filterSet.push(data('PropertyFilterUpdate', { filter: filter.ref, objectSet: orUnset(objectSet) }))
    }
    if (filterSet.length === 0) return null
    return room <= 0 && limit !== null ? { filterSet, truncated: true } : { filterSet }
  }

  private filterUpdates(filter: PropertyFilter, limit: number): DataObject[] {
    const updates: DataObject[] = []
    const present = new Set<string>()
    for (const selected of this.selectExisting(filter)) {
      const key = `${selected.ref.type}:${selected.ref.id}`
      present.add(key)
      if (updates.length >= limit) continue
      const collected = collect(this.world, selected)
      if (collected === null) continue
      const update = this.objectUpdate(filter, key, selected.ref, collected)
      if (update !== null) updates.push(update)
    }
    for (const [key, { ref }] of filter.told) {
      if (present.has(key) || updates.length >= limit) continue
      filter.told.delete(key)
      updates.push(data('ObjectUpdate', { kind: 'leave', obj: ref }))
    }
    return updates
  }

  /** An object a filter starts from may vanish (a task does): its objects leave, which is no fault. */
  private selectExisting(filter: PropertyFilter) {
    const spec = data(filter.spec.type, { ...filter.spec.fields, reportMissingObjectsInResults: true })
    return select(this.world, spec)
  }

  private objectUpdate(filter: PropertyFilter, key: string, ref: MoRef, now: Collected): DataObject | null {
    const before = filter.told.get(key)
    const values = new Map<string, string>()
    const changeSet: DataObject[] = []
    for (const property of now.propSet) {
      const name = property.fields['name']
      const val = property.fields['val']
      if (typeof name !== 'string' || val === undefined) continue
      const encoded = this.encoder.element('val', val, { kind: 'any' })
      values.set(name, encoded)
      if (before?.values.get(name) !== encoded)
        changeSet.push(data('PropertyChange', { name, op: 'assign', val }))
    }
    for (const name of before?.values.keys() ?? [])
      if (!values.has(name)) changeSet.push(data('PropertyChange', { name, op: 'assign' }))
    filter.told.set(key, { ref, values })
    if (before !== undefined && changeSet.length === 0) return null
    return data('ObjectUpdate', {
      kind: before === undefined ? 'enter' : 'modify',
      obj: ref,
      changeSet: orUnset(changeSet),
      missingSet: before === undefined ? orUnset(now.missingSet) : undefined,
    })
  }
}

/** Notices changes of the inventory from its construction on. */
class ChangeWatch {
  private readonly changed: Promise<boolean>
  private readonly unsubscribe: () => void
  private timer: NodeJS.Timeout | null = null

  constructor(inventory: Inventory, cancelled: AbortSignal) {
    const { promise, resolve } = latch()
    this.changed = promise
    this.unsubscribe = inventory.subscribe(() => {
      resolve(true)
    })
    cancelled.addEventListener('abort', () => {
      resolve(true)
    })
  }

  /** True after a change or a cancellation, false at `end` (of performance.now; null: never). */
  changedBefore(end: number | null): Promise<boolean> {
    if (end === null) return this.changed
    const late = new Promise<boolean>(resolve => {
      this.timer = setTimeout(
        () => {
          resolve(false)
        },
        Math.max(0, end - performance.now()),
      )
    })
    return Promise.race([this.changed, late])
  }

  stop(): void {
    this.unsubscribe()
    if (this.timer !== null) clearTimeout(this.timer)
  }
}

function latch(): { promise: Promise<boolean>; resolve: (value: boolean) => void } {
  let resolve: (value: boolean) => void = () => undefined
  const promise = new Promise<boolean>(settle => {
    resolve = settle
  })
  return { promise, resolve }
}
