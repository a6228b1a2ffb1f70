import { AppError } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { runSaga, type EngineOptions, type SagaOutcome } from './engine.js'
import { type SagaLog } from './log.js'
import { type Json } from '../domain/json.js'
import { type SagaDefinition } from './step.js'

/** One kind of saga, bound to what its steps need. */
export interface SagaKind {
  readonly kind: string
  readonly run: (
    options: EngineOptions,
    held: NonNullable<Awaited<ReturnType<SagaLog['claim']>>>,
    signals: { readonly stop: AbortSignal; readonly cancel: AbortSignal },
  ) => Promise<SagaOutcome>
}

export const sagaKind = <Deps, Input extends Json>(
  definition: SagaDefinition<Deps, Input>,
  deps: Deps,
): SagaKind => ({
  kind: definition.kind,
  run: (options, held, signals) => runSaga(options, definition, deps, held, signals),
})

export interface RunnerOptions extends EngineOptions {
  readonly kinds: readonly SagaKind[]
  /** How often unfinished sagas nobody runs are taken up. */
  readonly sweepMs: number
  /** How often a saga that waits for an operator is tried once more. */
  readonly parkedRetryMs: number
  readonly now: () => number
}

/**
 * Keeps every unfinished saga running in this process. The database is the only list: a saga started by the API, left by
 * a crash or by an outage of MariaDB is found by the next sweep and resumed from its log.
 */
export class SagaRunner {
  readonly #options: RunnerOptions
  readonly #logger: Logger
  readonly #running = new Map<string, { readonly cancel: AbortController; readonly ended: Promise<void> }>()
  readonly #parkedAt = new Map<string, number>()
  readonly #stop = new AbortController()
  #sweeping: Promise<void> = Promise.resolve()
  #wake: () => void = () => undefined

  constructor(options: RunnerOptions) {
    this.#options = options
    this.#logger = options.logger
  }

  start(): void {
    this.#sweeping = this.#sweepUntilStopped()
  }

  /** Looks for unfinished sagas at once instead of at the next sweep. */
  poke(): void {
    this.#wake()
  }

  /** Tries a saga that waits for an operator again at once. */
  retryParked(sagaId: string): void {
    this.#parkedAt.delete(sagaId)
    this.poke()
  }

  /** Ends the running step of a saga, if it runs here; the request itself is already saved in the log. */
  cancel(sagaId: string): void {
    this.#running.get(sagaId)?.cancel.abort(new AppError('PASS_CANCELLED', 'cancelled by the operator'))
  }

  /** Stops all work without writing an outcome; resolves when no step runs any more. */
  async stop(): Promise<void> {
    this.#stop.abort(new AppError('STORE_UNAVAILABLE', 'the agent is stopping'))
    this.poke()
    await this.#sweeping
    await Promise.all([...this.#running.values()].map(run => run.ended))
  }

  async #sweepUntilStopped(): Promise<void> {
    while (!this.#stop.signal.aborted) {
      const woken = new Promise<void>(resolve => {
        this.#wake = resolve
      })
      try {
        await this.#sweep()
      } catch (error) {
        this.#logger.warn({ err: error }, 'unfinished work could not be listed')
      }
      const pausing = new AbortController()
      await Promise.race([woken, this.#options.pause(this.#options.sweepMs, pausing.signal)])
      pausing.abort()
    }
  }

  async #sweep(): Promise<void> {
    for (const { id, state } of await this.#options.log.unfinished()) {
      if (this.#stop.signal.aborted) return
      if (this.#running.has(id)) continue
      const parkedAt = this.#parkedAt.get(id)
      const rests = parkedAt !== undefined && this.#options.now() - parkedAt < this.#options.parkedRetryMs
      if (state === 'needs-operator' && rests) continue
      const cancel = new AbortController()
      const ended = this.#runOne(id, cancel).finally(() => {
        this.#running.delete(id)
      })
      this.#running.set(id, { cancel, ended })
    }
  }

  async #runOne(id: string, cancel: AbortController): Promise<void> {
    try {
      const held = await this.#options.log.claim(id)
      if (held === undefined) return
      if (held.record.cancelRequested)
        cancel.abort(new AppError('PASS_CANCELLED', 'cancelled by the operator'))
      const kind = this.#options.kinds.find(candidate => candidate.kind === held.record.kind)
      if (kind === undefined) throw new Error(`no such kind of saga: ${held.record.kind}`)
      const outcome = await kind.run(this.#options, held, { stop: this.#stop.signal, cancel: cancel.signal })
      this.#note(id, outcome)
    } catch (error) {
      this.#parkedAt.set(id, this.#options.now())
      this.#logger.error({ saga: id, err: error }, 'saga could not be run')
    }
  }

  #note(id: string, outcome: SagaOutcome): void {
    switch (outcome.kind) {
      case 'succeeded':
        this.#logger.info({ saga: id }, 'saga finished')
        return
      case 'undone':
        this.#logger.warn({ saga: id, failure: outcome.failure }, 'saga failed and was undone')
        return
      case 'left':
        this.#logger.warn({ saga: id, err: outcome.why }, 'saga left for later')
        return
      case 'needs-operator':
        this.#parkedAt.set(id, this.#options.now())
        this.#logger.error({ saga: id, failure: outcome.failure }, 'saga waits for an operator')
        return
    }
  }
}
