import { type TaskId } from '../../domain/ids.js'
import { type Json } from '../../domain/json.js'
import { type Failure } from '../../errors.js'

/** A task that came to nothing, or is being ended. */
export interface BrokenTask {
  readonly failure: Failure
  readonly endedAt: Date
  /** Of its newest heartbeat that counted. */
  readonly progress: Json | undefined
}

export type TaskStanding =
  | { readonly kind: 'queued' }
  | { readonly kind: 'leased'; readonly progress: Json | undefined }
  | { readonly kind: 'done'; readonly result: Json }
  | { readonly kind: 'failed'; readonly failure: Failure }

/**
 * The list of work for VMAs. A task belongs to one owner (a saga step) and one subject (a VM); two tasks of one subject are
 * never leased at the same time. A lease ends by an outcome, or lapses; what a lapsed lease reports is refused.
 */
export interface TaskBoardStore {
  /** The owner's unfinished or finished task; a new one when it has none or its last one failed. */
  readonly ensure: (task: {
    readonly owner: string
    readonly kind: string
    readonly subject: string
    readonly input: Json
  }) => Promise<TaskId>
  readonly standing: (id: TaskId) => Promise<TaskStanding>
  /** The owner's tasks that broke, oldest first; `goesOn`: it has one that `ensure` would give. */
  readonly tries: (
    owner: string,
  ) => Promise<{ readonly broken: readonly BrokenTask[]; readonly goesOn: boolean }>
  /** Undefined: no such task. */
  readonly kindOf: (id: TaskId) => Promise<string | undefined>
  readonly lease: (
    workerId: string,
    leaseMs: number,
  ) => Promise<
    | {
        readonly id: TaskId
        readonly epoch: number
        readonly kind: string
        readonly input: Json
        readonly hold: boolean
      }
    | undefined
  >
  /** `hold`: the job of the task is paused, so nothing of it may move; `held`: nothing does. */
  readonly heartbeat: (
    id: TaskId,
    epoch: number,
    report: { readonly progress: Json; readonly held: boolean },
    leaseMs: number,
  ) => Promise<'lapsed' | { readonly cancel: boolean; readonly hold: boolean }>
  /** False when the lease had lapsed: the outcome does not count. */
  readonly finish: (
    id: TaskId,
    epoch: number,
    outcome:
      | { readonly kind: 'done'; readonly result: Json }
      | { readonly kind: 'failed'; readonly failure: Failure },
  ) => Promise<boolean>
  readonly cancel: (id: TaskId) => Promise<void>
  /** Fails leases that lapsed, and tasks queued before `absentSince` that nobody took. Gives how many. */
  readonly failLapsed: (failure: Failure, absentSince: Date, absentFailure: Failure) => Promise<number>
  /** After a start of the agent: nobody could send heartbeats while it was down. */
  readonly extendLeases: (leaseMs: number) => Promise<void>
  readonly forgetOwner: (prefix: string) => Promise<void>
}
