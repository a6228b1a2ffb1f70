import { type TaskId } from '../../domain/ids.js'
import { type Json } from '../../domain/json.js'
import { AppError, type Failure } from '../../errors.js'
import { type Logger } from '../../log/logger.js'
import { type TaskBoardStore } from './deps.js'

export interface TaskBoardOptions {
  readonly store: TaskBoardStore
  readonly logger: Logger
  readonly now: () => Date
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
  /** A lease without a heartbeat for this long is lost. */
  readonly leaseMs: number
  /** Work nobody took for this long fails, so that a pass does not hang on an absent VMA. */
  readonly absentMs: number
  /** How often a waiting step looks whether its task has ended. */
  readonly lookMs: number
}

/** Asks VMAs to do things: queues a task, waits for its outcome, and turns leases that lapse into failures. */
export class TaskBoard {
  readonly #options: TaskBoardOptions
  readonly #waiting = new Set<() => void>()
  readonly #stop = new AbortController()
  #sweeping: Promise<void> = Promise.resolve()
  #refusal: { readonly at: Date; readonly why: string } | undefined

  constructor(options: TaskBoardOptions) {
    this.#options = options
  }

  /** Call once the database answers: gives running VMAs time to report before their leases lapse. */
  start(): void {
    this.#sweeping = this.#sweepUntilStopped()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    this.changed()
    await this.#sweeping
  }

  /** Something was queued, taken or finished: whoever waits looks again. */
  changed(): void {
    for (const wake of this.#waiting) wake()
  }

  /** A VMA was turned away for its version: that is why work may find nobody. */
  refused(why: string): void {
    this.#refusal = { at: this.#options.now(), why }
  }

  /** Resolves at the next change, after `waitMs`, or when the signal aborts. */
  async nextChange(waitMs: number, signal: AbortSignal): Promise<void> {
    const pausing = new AbortController()
    const woken = new Promise<void>(resolve => {
      const wake = (): void => {
        this.#waiting.delete(wake)
        resolve()
      }
      this.#waiting.add(wake)
      pausing.signal.addEventListener('abort', wake, { once: true })
    })
    const either = AbortSignal.any([signal, pausing.signal])
    await Promise.race([woken, this.#options.pause(waitMs, either)])
    pausing.abort()
  }

  tries(owner: string): ReturnType<TaskBoardStore['tries']> {
    return this.#options.store.tries(owner)
  }

  /** The task's result. An agent that stops leaves the work to the VMA and finds it again. Rejects with the failure the VMA reported, WORKER_LOST, WORKER_ABSENT or the signal's reason. */
  async run(owner: string, kind: string, subject: string, input: Json, signal: AbortSignal): Promise<Json> {
    const { store } = this.#options
    const id = await store.ensure({ owner, kind, subject, input })
    this.changed()
    for (;;) {
      if (signal.aborted) {
        if (!isStopping(signal.reason)) await this.#cancel(id)
        throw signal.reason
      }
      const standing = await store.standing(id)
      if (standing.kind === 'done') return standing.result
      if (standing.kind === 'failed') throw new AppError(standing.failure.code, standing.failure.message)
      await this.nextChange(this.#options.lookMs, signal)
    }
  }

  /** A VMA that was turned away while the work waited, or shortly before, is the reason that nobody took it. */
  #whyAbsent(): Failure {
    const { now, absentMs } = this.#options
    if (this.#refusal === undefined) return absent
    if (now().getTime() - this.#refusal.at.getTime() > 2 * absentMs) return absent
    return { code: 'WORKER_VERSION_MISMATCH', message: this.#refusal.why }
  }

  async #cancel(id: TaskId): Promise<void> {
    await this.#options.store.cancel(id)
    this.changed()
  }

  async #sweepUntilStopped(): Promise<void> {
    const { store, leaseMs, absentMs, now, logger } = this.#options
    let extended = false
    while (!this.#stop.signal.aborted) {
      try {
        if (!extended) {
          await store.extendLeases(leaseMs)
          extended = true
        }
        const absentSince = new Date(now().getTime() - absentMs)
        const failed = await store.failLapsed(lost, absentSince, this.#whyAbsent())
        if (failed > 0) {
          logger.warn({ tasks: failed }, 'tasks failed: their VMA is gone')
          this.changed()
        }
      } catch (error) {
        // Nobody could send a heartbeat while the database was away either.
        extended = false
        logger.warn({ err: error }, 'leases could not be looked at')
      }
      await this.#options.pause(Math.max(100, leaseMs / 10), this.#stop.signal)
    }
  }
}

/** What the saga runner says to its steps then. */
const isStopping = (reason: unknown): boolean =>
  reason instanceof AppError && reason.code === 'STORE_UNAVAILABLE'

const lost: Failure = { code: 'WORKER_LOST', message: 'the VMA sent no heartbeat until its lease ended' }
const absent: Failure = { code: 'WORKER_ABSENT', message: 'no VMA asked for the work in time' }
