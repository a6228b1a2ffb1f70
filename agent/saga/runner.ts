import { AppError } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { keepClaim } from './claim-keeper.js'
import { runSaga, type EngineOptions, type SagaOutcome } from './engine.js'
import { type SagaClaim, type SagaLog } from './log.js'
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
  /** How long a claim lasts that is not renewed; it is renewed three times as often. */
  readonly leaseMs: number
  /** Milliseconds on a clock that never jumps. */
  readonly now: () => number
}

interface Run {
  readonly cancel: AbortController
  readonly ended: Promise<void>
}

/**
 * Keeps every unfinished saga running that no other agent holds. The database is the only list: a saga started by the API,
 * left by a crash, by an outage of MariaDB or by another agent is found by a sweep and resumed from its log.
 */
export class SagaRunner {
  readonly #options: RunnerOptions
  readonly #logger: Logger
  readonly #running = new Map<string, Run>()
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

  /** Tries a saga that waits for an operator again at once, whichever agent left it waiting. */
  retryParked(sagaId: string): void {
    this.#parkedAt.delete(sagaId)
    void this.#freeAndPoke(sagaId)
  }

  /** Ends the running step of a saga at once if it runs here; the request is saved in the log, where any other agent sees it. */
  cancel(sagaId: string): void {
    this.#running.get(sagaId)?.cancel.abort(cancelled())
  }

  /** Stops all work without writing an outcome; resolves when no step runs any more. */
  async stop(): Promise<void> {
    this.#stop.abort(new AppError('STORE_UNAVAILABLE', 'the agent is stopping'))
    this.poke()
    await this.#sweeping
    await Promise.all([...this.#running.values()].map(run => run.ended))
  }

  async #freeAndPoke(sagaId: string): Promise<void> {
    try {
      await this.#options.log.free(sagaId)
    } catch (error) {
      this.#logger.warn({ saga: sagaId, err: error }, 'saga is tried again later')
    }
    this.poke()
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
      const claimedAt = this.#options.now()
      const held = await this.#options.log.claim(id)
      if (held === undefined) return
      if (held.record.cancelRequested) cancel.abort(cancelled())
      const kind = this.#options.kinds.find(candidate => candidate.kind === held.record.kind)
      if (kind === undefined) throw new Error(`no such kind of saga: ${held.record.kind}`)
      const lost = new AbortController()
      const over = new AbortController()
      const keeping = keepClaim(this.#options, held.claim, claimedAt, {
        onCancel: () => cancel.abort(cancelled()),
        onLost: reason => lost.abort(reason),
        over: over.signal,
      })
      const stop = AbortSignal.any([this.#stop.signal, lost.signal])
      let outcome: SagaOutcome
      try {
        outcome = await kind.run(this.#options, held, { stop, cancel: cancel.signal })
      } finally {
        over.abort()
        await keeping
      }
      this.#note(id, outcome)
      await this.#letGo(held.claim, outcome)
    } catch (error) {
      this.#parkedAt.set(id, this.#options.now())
      this.#logger.error({ saga: id, err: error }, 'saga could not be run')
    }
  }

  /** What ended is not claimed any more, and what was lost is another's. */
  async #letGo(claim: SagaClaim, outcome: SagaOutcome): Promise<void> {
    const isStopping = outcome.kind === 'left' && this.#stop.signal.aborted
    if (outcome.kind !== 'needs-operator' && !isStopping) return
    try {
      await this.#options.log.release(claim, isStopping ? 0 : this.#options.parkedRetryMs)
    } catch (error) {
      this.#logger.warn({ saga: claim.sagaId, err: error }, 'claim is left to lapse')
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

const cancelled = (): AppError => new AppError('PASS_CANCELLED', 'cancelled by the operator')
