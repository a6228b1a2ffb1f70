import { AppError, errorTable, failureOf, type Failure } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { firstFailure, savedOutputs, stepStatuses } from './history.js'
import { SagaClaimLost, type SagaClaim, type SagaLog, type SagaRecord, type StepEvent } from './log.js'
import { type Json } from '../domain/json.js'
import { type SagaDefinition, type Step, type StepContext } from './step.js'

export interface EngineOptions {
  readonly log: SagaLog
  readonly logger: Logger
  /** Resolves after `delayMs`, or earlier when the signal aborts. */
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
  /** First delay before a step after the commit, or an undo, is tried again; doubled up to `retryMaxMs`. */
  readonly retryFirstMs: number
  readonly retryMaxMs: number
  /** Tries of one undo or one step after the commit before the saga waits for an operator. */
  readonly triesBeforeOperator: number
}

export type SagaOutcome =
  | { readonly kind: 'succeeded' }
  | { readonly kind: 'undone'; readonly failure: Failure }
  /** The agent is stopping, the database is away or another agent took over: the log is left as it is and resumed later. */
  | { readonly kind: 'left'; readonly why: unknown }
  | { readonly kind: 'needs-operator'; readonly failure: Failure }

class Interrupted extends Error {
  override readonly name = 'Interrupted'
}

/**
 * Runs one claimed saga to its end from wherever its log stands. Each step is saved before and after; a crash between the
 * two makes the step run again. `stop` means the agent is going down: no event is written for it and the saga is resumed
 * by the next start. `cancel` fails the running step (before the commit only) and unwinds.
 */
export async function runSaga<Deps, Input extends Json>(
  options: EngineOptions,
  definition: SagaDefinition<Deps, Input>,
  deps: Deps,
  held: { readonly claim: SagaClaim; readonly record: SagaRecord },
  signals: { readonly stop: AbortSignal; readonly cancel: AbortSignal },
): Promise<SagaOutcome> {
  try {
    return await new SagaRun(options, definition, deps, held.claim, held.record, signals).toTheEnd()
  } catch (error) {
    const left =
      error instanceof Interrupted ||
      error instanceof SagaClaimLost ||
      (error instanceof AppError && error.code === 'STORE_UNAVAILABLE')
    if (left) return { kind: 'left', why: error }
    throw error
  }
}

class SagaRun<Deps, Input extends Json> {
  readonly #options: EngineOptions
  readonly #definition: SagaDefinition<Deps, Input>
  readonly #deps: Deps
  readonly #claim: SagaClaim
  readonly #record: SagaRecord
  readonly #events: StepEvent[]
  readonly #signals: { readonly stop: AbortSignal; readonly cancel: AbortSignal }

  constructor(
    options: EngineOptions,
    definition: SagaDefinition<Deps, Input>,
    deps: Deps,
    claim: SagaClaim,
    record: SagaRecord,
    signals: { readonly stop: AbortSignal; readonly cancel: AbortSignal },
  ) {
    this.#options = options
    this.#definition = definition
    this.#deps = deps
    this.#claim = claim
    this.#record = record
    this.#events = [...record.events]
    this.#signals = signals
  }

  async toTheEnd(): Promise<SagaOutcome> {
    const failed = firstFailure(this.#events)
    if (failed !== undefined && !this.#committed()) return this.#unwind(failed)
    for (const step of this.#definition.steps) {
      if (stepStatuses(this.#events).get(step.name)?.kind === 'succeeded') continue
      const result = this.#committed() ? await this.#runUntilDone(step) : await this.#runOnce(step)
      if (result.kind === 'failed') return this.#unwind(result.failure)
      if (result.kind === 'gave-up') return this.#park(result.failure)
    }
    await this.#options.log.setState(this.#claim, 'done')
    return { kind: 'succeeded' }
  }

  async #runOnce(
    step: Step<Deps, Input, Json>,
  ): Promise<
    { kind: 'done' } | { kind: 'failed'; failure: Failure } | { kind: 'gave-up'; failure: Failure }
  > {
    await this.#save({ kind: 'started', step: step.name })
    const signal = AbortSignal.any([this.#signals.stop, this.#signals.cancel])
    try {
      if (this.#signals.cancel.aborted) throw this.#signals.cancel.reason
      const output = await step.run(this.#deps, this.#context(signal))
      await this.#save({ kind: 'succeeded', step: step.name, output })
      return { kind: 'done' }
    } catch (error) {
      const failure = this.#failureOf(step, error)
      await this.#save({ kind: 'failed', step: step.name, failure }, 'unwinding')
      return { kind: 'failed', failure }
    }
  }

  /** After the commit: the work counts already, so the rest is tried again instead of undone. */
  async #runUntilDone(
    step: Step<Deps, Input, Json>,
  ): Promise<
    { kind: 'done' } | { kind: 'failed'; failure: Failure } | { kind: 'gave-up'; failure: Failure }
  > {
    await this.#save({ kind: 'started', step: step.name })
    const tried = await this.#tryAgain(step, async () => {
      const output = await step.run(this.#deps, this.#context(this.#signals.stop))
      await this.#save({ kind: 'succeeded', step: step.name, output })
    })
    if (tried === undefined) return { kind: 'done' }
    await this.#save({ kind: 'failed', step: step.name, failure: tried })
    return { kind: 'gave-up', failure: tried }
  }

  async #unwind(failure: Failure): Promise<SagaOutcome> {
    const statuses = stepStatuses(this.#events)
    for (const step of [...this.#definition.steps].reverse()) {
      const status = statuses.get(step.name)?.kind ?? 'waiting'
      if (step.undo === undefined || status === 'waiting' || status === 'undone') continue
      const undo = step.undo
      await this.#save({ kind: 'undo-started', step: step.name }, 'unwinding')
      const undoFailure = await this.#tryAgain(step, () =>
        undo(this.#deps, this.#context(this.#signals.stop)),
      )
      if (undoFailure !== undefined) {
        await this.#save({ kind: 'undo-failed', step: step.name, failure: undoFailure }, 'needs-operator')
        return { kind: 'needs-operator', failure: undoFailure }
      }
      await this.#save({ kind: 'undo-finished', step: step.name }, 'unwinding')
    }
    await this.#options.log.setState(this.#claim, 'done')
    return { kind: 'undone', failure }
  }

  /** Undefined when `attempt` succeeded; its last failure when it did not within the allowed tries. */
  async #tryAgain(step: Step<Deps, Input, Json>, attempt: () => Promise<void>): Promise<Failure | undefined> {
    let delayMs = this.#options.retryFirstMs
    for (let tries = 1; ; tries += 1) {
      try {
        await attempt()
        return undefined
      } catch (error) {
        const failure = this.#failureOf(step, error)
        if (errorTable[failure.code].retry !== 'after-delay' || tries >= this.#options.triesBeforeOperator) {
          return failure
        }
      }
      await this.#options.pause(delayMs, this.#signals.stop)
      if (this.#signals.stop.aborted) throw new Interrupted('the agent is stopping')
      delayMs = Math.min(delayMs * 2, this.#options.retryMaxMs)
    }
  }

  async #park(failure: Failure): Promise<SagaOutcome> {
    await this.#options.log.setState(this.#claim, 'needs-operator')
    return { kind: 'needs-operator', failure }
  }

  /** The failure to save for a step; throws on when the run itself ends (agent stopping, claim lost, database away). */
  #failureOf(step: Step<Deps, Input, Json>, error: unknown): Failure {
    if (this.#signals.stop.aborted) throw new Interrupted('the agent is stopping')
    if (error instanceof SagaClaimLost || error instanceof Interrupted) throw error
    if (error instanceof AppError && error.code === 'STORE_UNAVAILABLE') throw error
    this.#options.logger.error({ saga: this.#record.id, step: step.name, err: error }, 'step failed')
    return failureOf(error)
  }

  async #save(
    event: StepEvent,
    state: 'running' | 'unwinding' | 'needs-operator' = 'running',
  ): Promise<void> {
    await this.#options.log.append(this.#claim, event, state)
    this.#events.push(event)
  }

  #committed(): boolean {
    return stepStatuses(this.#events).get(this.#definition.commitStep)?.kind === 'succeeded'
  }

  #context(signal: AbortSignal): StepContext<Deps, Input> {
    const outputs = savedOutputs(this.#events)
    const savedOutputOf = <Output extends Json>(step: Step<Deps, Input, Output>): Output | undefined =>
      outputs.get(step.name) as Output | undefined
    return {
      // The input was saved by this saga's own kind; the log keeps the two together.
      input: this.#record.input as Input,
      sagaId: this.#record.id,
      claim: this.#claim,
      signal,
      failure: firstFailure(this.#events),
      savedOutputOf,
      outputOf: step => {
        const output = savedOutputOf(step)
        if (output === undefined)
          throw new Error(`saga ${this.#record.kind}: step ${step.name} has no saved output`)
        return output
      },
    }
  }
}
