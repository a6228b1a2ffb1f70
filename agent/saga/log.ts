import { type Failure } from '../errors.js'
import { type Json } from '../domain/json.js'

export type SagaState = 'running' | 'unwinding' | 'done' | 'needs-operator'

/** What happened to one step; the order of the events is the history of the saga. */
export type StepEvent =
  | { readonly kind: 'started'; readonly step: string }
  | { readonly kind: 'succeeded'; readonly step: string; readonly output: Json }
  | { readonly kind: 'failed'; readonly step: string; readonly failure: Failure }
  | { readonly kind: 'undo-started'; readonly step: string }
  | { readonly kind: 'undo-finished'; readonly step: string }
  | { readonly kind: 'undo-failed'; readonly step: string; readonly failure: Failure }

export type SavedEvent = StepEvent & { readonly at: Date }

export interface SagaRecord {
  readonly id: string
  readonly kind: string
  readonly input: Json
  readonly state: SagaState
  readonly cancelRequested: boolean
  readonly events: readonly SavedEvent[]
}

/** The right to write one saga's log. A later claim by another agent makes this one void. */
export interface SagaClaim {
  readonly sagaId: string
  readonly epoch: number
}

/**
 * The saved step log. Every write carries the claim and is refused with SagaClaimLost when another agent has claimed the
 * saga since; a database that does not answer rejects with STORE_UNAVAILABLE and nothing was written, or the whole write
 * was (one statement or one transaction).
 */
export interface SagaLog {
  /** What this agent could claim now, oldest first. */
  readonly unfinished: () => Promise<readonly { readonly id: string; readonly state: SagaState }[]>
  /**
   * Takes the saga for one lease and gives its whole history. Undefined when it is done, or another agent's lease has not
   * lapsed. What this agent held before, it may claim anew: only one process runs under an agent's name.
   */
  readonly claim: (
    sagaId: string,
  ) => Promise<{ readonly claim: SagaClaim; readonly record: SagaRecord } | undefined>
  readonly append: (claim: SagaClaim, event: StepEvent, state: SagaState) => Promise<void>
  readonly setState: (claim: SagaClaim, state: SagaState) => Promise<void>
  /** Holds the saga for one more lease from now on. */
  readonly renew: (claim: SagaClaim) => Promise<{ readonly isCancelRequested: boolean }>
  /** Lets another agent claim the saga after `delayMs` instead of when the lease lapses. A claim lost before is no error. */
  readonly release: (claim: SagaClaim, delayMs: number) => Promise<void>
  /** Lets any agent claim a saga that waits for an operator. */
  readonly free: (sagaId: string) => Promise<void>
  readonly cancelRequested: (sagaId: string) => Promise<boolean>
}

/** One agent among those that share a database, and for how long it holds what it claims. */
export interface SagaHolder {
  readonly agent: string
  readonly leaseMs: number
}

export class SagaClaimLost extends Error {
  override readonly name = 'SagaClaimLost'
}
