import { type GroupId, type JobId, type PassId, type RoundId, type ScheduleId } from '../domain/ids.js'
import { type Failure } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { type Due, type MisfirePolicy } from './due.js'
import { type Decision, type GroupRules, type JobFacts, type Queue } from './queue.js'
import { type EndReason, type WaitReason } from './reasons.js'
import { type RpoState } from './rpo.js'

/** A schedule that is enabled. */
export interface ActiveSchedule {
  readonly id: ScheduleId
  readonly name: string
  readonly groupId: GroupId
  readonly cron: string
  readonly timeZone: string
  readonly misfire: MisfirePolicy
  readonly graceMs: number
  readonly nextFireAt: Date
  /** Grows with each change by an operator. */
  readonly revision: number
}

/**
 * `lost`: another process was faster, or an operator changed the schedule; nothing was done. `repeated`: the slot has fired
 * before, so it did not fire again.
 */
export type FireOutcome =
  | { readonly kind: 'fired'; readonly round: RoundId }
  | { readonly kind: 'repeated' }
  | { readonly kind: 'missed' }
  | { readonly kind: 'lost' }

export interface ScheduleStore {
  readonly active: () => Promise<readonly ActiveSchedule[]>
  /**
   * Moves the next fire from where it was read and records the round with its VMs, or the slots that were missed: one
   * transaction. Two processes never fire one slot, and a slot never fires twice.
   */
  readonly fire: (schedule: ActiveSchedule, due: Due & { readonly kind: 'due' }) => Promise<FireOutcome>
  /** False: lost. */
  readonly moveNext: (schedule: ActiveSchedule, next: Date) => Promise<boolean>
}

/** A try whose pass has ended, or waits for an operator. */
export interface EndedTry {
  readonly roundId: RoundId
  readonly jobId: JobId
  readonly passId: PassId
  /** From 1 on. */
  readonly tries: number
  readonly maxRetries: number | null
  readonly outcome:
    | { readonly kind: 'committed' }
    | { readonly kind: 'failed'; readonly failure: Failure }
    | { readonly kind: 'parked' }
    | { readonly kind: 'gone' }
}

export type Settlement =
  | { readonly kind: 'committed' }
  | { readonly kind: 'failed'; readonly reason: EndReason; readonly failure: Failure | null }
  | { readonly kind: 'job-gone' }
  /** Back into the queue, unless the VM waits in another round. */
  | { readonly kind: 'again'; readonly notBefore: Date; readonly failure: Failure }

export interface RoundStore {
  readonly ended: () => Promise<readonly EndedTry[]>
  /** Counts only while the try is the newest of its VM. */
  readonly settle: (ended: EndedTry, settlement: Settlement) => Promise<void>
  /** As it is; undefined: nobody waits. */
  readonly queue: () => Promise<Queue | undefined>
  /**
   * Lets `decide` judge the queue while no other process can change it, and carries out what it says: passes are started,
   * VMs left out, reasons noted. One transaction. Gives the passes that were started.
   */
  readonly dispatch: (decide: (queue: Queue) => readonly Decision[]) => Promise<readonly PassId[]>
  /** Rounds of before, whose VMs all have their outcome. Gives how many. */
  readonly forget: (before: Date) => Promise<number>
}

/** One VM of a group with an RPO target. */
export interface RpoMember {
  readonly group: GroupRules
  readonly groupName: string
  readonly rpoMs: number
  readonly jobId: JobId
  readonly vmName: string
  readonly facts: JobFacts
  readonly recoveryPointAt: Date | null
  readonly memberSince: Date
  readonly passMs: number | null
  readonly passStartedAt: Date | null
  /** Null: it does not wait. */
  readonly queued: { readonly reason: WaitReason; readonly detail: string } | null
  readonly pulledAt: Date | null
}

export interface RpoStore {
  readonly members: () => Promise<{ readonly members: readonly RpoMember[]; readonly isWorkerThere: boolean }>
  /** A round for these VMs of a group; undefined: all of them wait already. */
  readonly pull: (group: GroupId, jobs: readonly JobId[]) => Promise<RoundId | undefined>
  /** Begins and ends findings so that they say this, of all VMs with a target. */
  readonly record: (
    states: readonly { readonly member: RpoMember; readonly state: RpoState }[],
  ) => Promise<readonly { readonly member: RpoMember; readonly state: RpoState }[]>
}

export interface SchedulerDeps {
  readonly schedules: ScheduleStore
  readonly rounds: RoundStore
  readonly rpo: RpoStore
  /** Passes were recorded: whoever runs sagas looks now. */
  readonly onWork: () => void
  /** Scheduled passes that run at once. */
  readonly applianceCap: number
  /** How long rounds stay in the history. */
  readonly keepMs: number
  readonly rpoEveryMs: number
  readonly now: () => Date
  readonly logger: Logger
}
