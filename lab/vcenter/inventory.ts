import { objectNotFound } from './fault.js'
import { type MoRef, type VimValue } from './vim-value.js'

/** Anything a client can hold a reference to. */
export interface ManagedObject {
  readonly ref: MoRef
  /** The value of one property, undefined when unset. Computed at each call. */
  property(name: string): VimValue | undefined
}

/** A managed object whose properties are set from outside. */
export class PlainObject implements ManagedObject {
  readonly ref: MoRef
  private readonly values: Record<string, VimValue | undefined>

  constructor(ref: MoRef, values: Record<string, VimValue | undefined>) {
    this.ref = ref
    this.values = values
  }

  property(name: string): VimValue | undefined {
    return this.values[name]
  }

  set(name: string, value: VimValue | undefined): void {
    this.values[name] = value
  }
}

const keyOf = (ref: MoRef): string => `${ref.type}:${ref.id}`

/** All managed objects by type and id, and who wants to know when one changes. */
export class Inventory {
  private readonly objects = new Map<string, ManagedObject>()
  private readonly listeners = new Set<() => void>()

  add<T extends ManagedObject>(object: T): T {
    this.objects.set(keyOf(object.ref), object)
    return object
  }

  remove(ref: MoRef): void {
    this.objects.delete(keyOf(ref))
    this.changed()
  }

  find(ref: MoRef): ManagedObject | undefined {
    return this.objects.get(keyOf(ref))
  }

  /** Throws ManagedObjectNotFound. */
  get(ref: MoRef): ManagedObject {
    const object = this.find(ref)
    if (object === undefined) throw objectNotFound(ref.type, ref.id)
    return object
  }

  /** Says that some property of some object changed. */
  changed(): void {
    for (const listener of [...this.listeners]) listener()
  }

  /** Calls back after each change until the returned function is called. */
  subscribe(listener: () => void): () => void {
    this.listeners.add(listener)
    return () => {
      this.listeners.delete(listener)
    }
  }
}
