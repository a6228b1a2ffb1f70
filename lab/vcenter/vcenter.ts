import { type Encoder } from './encode.js'
import { type Faults } from './faults.js'
import { type ChangedAreasLimits } from './changed-areas.js'
import { type Inventory } from './inventory.js'
import { type CollectorWorld } from './property-filter.js'
import { type Session, type Sessions } from './sessions.js'
import { type TaskManager } from './tasks.js'
import { type VimSchema } from './vim-schema.js'
import { type DataObject, type MoRef, type VimValue } from './vim-value.js'
import { type Vm } from './vm.js'
import { type VmOperations } from './vm-operations.js'

/** Everything a method can act on. */
export interface Vcenter {
  readonly schema: VimSchema
  readonly encoder: Encoder
  readonly inventory: Inventory
  readonly sessions: Sessions
  readonly tasks: TaskManager
  readonly faults: Faults
  readonly operations: VmOperations
  readonly world: CollectorWorld
  readonly vms: ReadonlyMap<string, Vm>
  readonly removeVm: (vm: Vm) => void
  readonly rootFolder: MoRef
  /** Of the one datastore, as it is; clients see it after a refresh. */
  readonly storage: {
    readonly ref: MoRef
    freeBytes: bigint
    readonly datacenter: string
    readonly datastore: string
  }
  readonly changedAreasLimits: ChangedAreasLimits
  readonly nextId: (prefix: string) => string
}

/** One call of one method by one client. */
export interface Call {
  readonly method: string
  readonly target: MoRef
  readonly args: DataObject
  /** Null before the login; only the methods that need none are reached then. */
  readonly session: Session | null
  readonly ipAddress: string
  readonly userAgent: string
  /** Gives the client the cookie of its new session. */
  readonly beginSession: (session: Session) => void
}

export type Handler = (vcenter: Vcenter, call: Call) => Promise<VimValue | undefined> | VimValue | undefined

export function sessionOf(call: Call): Session {
  if (call.session === null) throw new TypeError('a method that needs a session was reached without one')
  return call.session
}
