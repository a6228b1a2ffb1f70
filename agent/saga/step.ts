import { type Failure } from '../errors.js'
import { type Json } from '../domain/json.js'
import { type SagaClaim } from './log.js'

/**
 * One step of a saga. `run` and `undo` may each be called again after a crash at any point, so both look before they act:
 * names of outside things derive from the saga's input, and `undo` works from the input alone when `run` never saved its
 * output. A step without `undo` leaves nothing outside.
 */
export interface Step<Deps, Input, Output extends Json> {
  readonly name: string
  /** The step in the words of an operator. */
  readonly title: string
  readonly run: (deps: Deps, context: StepContext<Deps, Input>) => Promise<Output>
  readonly undo?: (deps: Deps, context: StepContext<Deps, Input>) => Promise<void>
}

export interface StepContext<Deps, Input> {
  readonly input: Input
  readonly sagaId: string
  /** The right under which this run works; a later claim by another agent makes it void. */
  readonly claim: SagaClaim
  /** Aborts when the saga is cancelled or the agent stops. */
  readonly signal: AbortSignal
  /** What made the saga unwind; undefined while it goes forward. */
  readonly failure: Failure | undefined
  /** The saved output of an earlier step; a step that has none is a bug in the saga's list. */
  readonly outputOf: <Output extends Json>(step: Step<Deps, Input, Output>) => Output
  /** The same, or undefined where that step never finished: what an `undo` has to expect. */
  readonly savedOutputOf: <Output extends Json>(step: Step<Deps, Input, Output>) => Output | undefined
}

/**
 * A saga: steps in order. When a step up to and including `commitStep` fails, the steps before it are undone backwards.
 * After `commitStep` there is no way back: a failing step is tried again until it succeeds.
 */
export interface SagaDefinition<Deps, Input extends Json> {
  readonly kind: string
  readonly steps: readonly Step<Deps, Input, Json>[]
  readonly commitStep: string
}
