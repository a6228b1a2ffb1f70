import { type ChangeMark } from './change-journal.js'
import { VimFault } from './fault.js'
import { type TaskRequest } from './tasks.js'
import { type MoRef, type VimValue } from './vim-value.js'

/** What a simulated vCenter can be told to do wrong. `times` counts down; left out: until removed. */
export type FaultRule =
  | { readonly kind: 'refuse-login'; readonly times?: number }
  /** The session that makes the next matching call is gone, as after a restart of vCenter. */
  | { readonly kind: 'drop-session'; readonly method?: string; readonly times?: number }
  | {
      readonly kind: 'fail-method'
      readonly method: string
      readonly fault: string
      readonly message?: string
      readonly fields?: Readonly<Record<string, VimValue>>
      readonly times?: number
    }
  /** The connection is cut instead of an answer. `after`: the call takes effect first. */
  | {
      readonly kind: 'cut-connection'
      readonly method: string
      readonly after: boolean
      readonly times?: number
    }
  | {
      readonly kind: 'delay-method'
      readonly method: string
      readonly delayMs: number
      readonly times?: number
    }
  /** The task ends in a fault instead of doing its work. `descriptionId` such as `VirtualMachine.createSnapshot`. */
  | {
      readonly kind: 'fail-task'
      readonly descriptionId: string
      readonly fault: string
      readonly message?: string
      readonly times?: number
    }
  /** The task stays running until the rule is removed. */
  | { readonly kind: 'hold-task'; readonly descriptionId: string; readonly times?: number }
  /** Removing a snapshot leaves its layers, and the VM in need of consolidation. */
  | { readonly kind: 'skip-consolidation'; readonly times?: number }
  | { readonly kind: 'no-change-id'; readonly times?: number }
  /** An answer to QueryChangedDiskAreas that must not be trusted. */
  | {
      readonly kind: 'bad-changed-areas'
      readonly how: 'zero-length-page' | 'overlapping' | 'unsorted' | 'beyond-capacity' | 'not-advancing'
      readonly times?: number
    }
  /** The property is reported in missingSet, as for a user without the right. */
  | { readonly kind: 'hide-property'; readonly path: string; readonly times?: number }
  /** The user does not have the privilege, on any object. */
  | { readonly kind: 'lack-privilege'; readonly privilege: string; readonly times?: number }

type RuleOf<K extends FaultRule['kind']> = Extract<FaultRule, { kind: K }>

interface Armed {
  readonly rule: FaultRule
  left: number
  readonly released: Promise<void>
  readonly release: () => void
}

/** The faults in force. Rules are taken in the order in which they were added. */
export class Faults {
  private armed: Armed[] = []

  /** Adds a rule and returns what removes it; removing twice does nothing. */
  add(rule: FaultRule): () => void {
    let release: () => void = () => undefined
    const released = new Promise<void>(resolve => {
      release = resolve
    })
    const entry: Armed = { rule, left: rule.times ?? Number.POSITIVE_INFINITY, released, release }
    this.armed.push(entry)
    return () => {
      this.armed = this.armed.filter(other => other !== entry)
      release()
    }
  }

  clear(): void {
    for (const { release } of this.armed) release()
    this.armed = []
  }

  /** The first rule of a kind that matches, used up once; null when there is none. */
  take<K extends FaultRule['kind']>(
    kind: K,
    matches: (rule: RuleOf<K>) => boolean = () => true,
  ): RuleOf<K> | null {
    return this.takeEntry(kind, matches)?.rule ?? null
  }

  mayRead(_object: MoRef, path: string): boolean {
    return this.take('hide-property', rule => rule.path === path) === null
  }

  mayUse(_object: MoRef, privilege: string): boolean {
    return this.take('lack-privilege', rule => rule.privilege === privilege) === null
  }

  shownMark(mark: ChangeMark | null): ChangeMark | null {
    return this.take('no-change-id') === null ? mark : null
  }

  /** Holds or fails a task before its work. */
  async beforeTask(request: TaskRequest): Promise<void> {
    const hold = this.takeEntry('hold-task', rule => rule.descriptionId === request.descriptionId)
    await hold?.released
    const fail = this.take('fail-task', rule => rule.descriptionId === request.descriptionId)
    if (fail !== null) throw new VimFault(fail.fault, fail.message ?? 'The operation failed.')
  }

  private takeEntry<K extends FaultRule['kind']>(
    kind: K,
    matches: (rule: RuleOf<K>) => boolean,
  ): (Armed & { readonly rule: RuleOf<K> }) | null {
    const isOfKind = (entry: Armed): entry is Armed & { readonly rule: RuleOf<K> } => entry.rule.kind === kind
    const found = this.armed.filter(isOfKind).find(entry => matches(entry.rule))
    if (found === undefined) return null
    found.left -= 1
    if (found.left <= 0) this.armed = this.armed.filter(other => other !== found)
    return found
  }
}
