import type {
  JobDetailView,
  JobView,
  PassDetailView,
  PassView,
  SourceVmView,
  StatusView,
} from '../agent/api/schemas.js'
import type { Feature, Next, Read } from './page.js'
import type { Failure } from './part.js'
import type { Deed, OwnAddress, PartRequest, State } from './state.js'

export type Reading<T> =
  { readonly ok: true; readonly value: T } | { readonly ok: false; readonly failure: Failure }

/** What was asked for, with what came. */
export type PartReply =
  | { readonly name: 'status'; readonly key: string; readonly reading: Reading<StatusView> }
  | { readonly name: 'vms'; readonly key: string; readonly reading: Reading<readonly SourceVmView[]> }
  | { readonly name: 'jobs'; readonly key: string; readonly reading: Reading<readonly JobView[]> }
  | { readonly name: 'job'; readonly key: string; readonly reading: Reading<JobDetailView> }
  | { readonly name: 'passes'; readonly key: string; readonly reading: Reading<readonly PassView[]> }
  | { readonly name: 'pass'; readonly key: string; readonly reading: Reading<PassDetailView> }

/** What became of a deed. `unknown`: the agent did not answer, so it may or may not have happened. */
export type DeedOutcome =
  | { readonly kind: 'done' }
  /** The first half of `start-replication` went well; the pass comes next. */
  | { readonly kind: 'job-created'; readonly jobId: string }
  /** What a task said comes after it. */
  | { readonly kind: 'next'; readonly next: Next }
  | { readonly kind: 'refused'; readonly failure: Failure }
  | { readonly kind: 'unknown'; readonly reason: string }

/** Everything that can happen to a console, in one queue. */
export type Event =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'paste'; readonly text: string }
  | { readonly kind: 'resized'; readonly cols: number; readonly rows: number }
  | { readonly kind: 'tick'; readonly nowMs: number }
  /** Opens a row of the focused table by its place, where rows can be opened. */
  | { readonly kind: 'choose'; readonly index: number }
  | { readonly kind: 'features'; readonly features: readonly Feature[] }
  /** A reading of a page ended. */
  | {
      readonly kind: 'asked'
      readonly key: string
      readonly nowMs: number
      readonly reading: Reading<unknown>
    }
  | { readonly kind: 'addresses'; readonly addresses: readonly OwnAddress[] | null }
  | {
      readonly kind: 'polled'
      readonly number: number
      readonly nowMs: number
      readonly parts: readonly PartReply[]
    }
  | {
      readonly kind: 'agent-away'
      readonly number: number
      readonly nowMs: number
      readonly reason: string
    }
  | {
      readonly kind: 'deed-ended'
      readonly nowMs: number
      readonly deed: Deed
      readonly outcome: DeedOutcome
    }

/** What the runner is asked to do; each that talks to the agent is answered by an event. */
export type Action =
  | { readonly kind: 'poll'; readonly number: number; readonly parts: readonly PartRequest[] }
  | { readonly kind: 'ask'; readonly read: Read }
  | { readonly kind: 'do'; readonly deed: Deed }
  | { readonly kind: 'redraw' }
  | { readonly kind: 'quit' }

export interface Step {
  readonly state: State
  readonly actions: readonly Action[]
}
