import { type DiskCounters, type LeasedTask, type TaskOutcome } from '../api/worker.js'
import { AppError, failureOf } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { LeaseKeeper } from './lease-keeper.js'
import { type OmaLink } from './oma-link.js'

export interface TaskContext {
  /** Aborts when the work no longer counts: then everything it holds has to be let go before it returns. */
  readonly signal: AbortSignal
  readonly onProgress: (disks: readonly DiskCounters[]) => void
}

export interface WorkerOptions {
  readonly link: OmaLink
  readonly workerId: string
  /** Tasks at the same time; each is of another VM. */
  readonly slots: number
  /** Does one task; gives its result as api/worker.ts has it. */
  readonly runTask: (task: LeasedTask, context: TaskContext) => Promise<unknown>
  readonly logger: Logger
  readonly nowMs: () => number
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
}

/** The longest text the OMA takes. */
const maxMessage = 2000
const waitForWorkMs = 20_000
const retryMs = 500

/** Asks the OMA for work and does it. Keeps nothing: after a crash the OMA asks again, and each task looks before it acts. */
export class Worker {
  readonly #options: WorkerOptions
  readonly #stop = new AbortController()
  #slots: readonly Promise<void>[] = []

  constructor(options: WorkerOptions) {
    this.#options = options
  }

  start(): void {
    this.#slots = Array.from({ length: this.#options.slots }, () => this.#workUntilStopped())
  }

  /** Resolves when no task runs any more; each is reported to the OMA as lost. */
  async stop(): Promise<void> {
    this.#stop.abort(new AppError('WORKER_LOST', 'the VMA is stopping'))
    await Promise.all(this.#slots)
  }

  async #workUntilStopped(): Promise<void> {
    const { link, workerId, logger, pause } = this.#options
    let reachable = true
    while (!this.#isStopping()) {
      try {
        const task = await link.lease(workerId, waitForWorkMs, this.#stop.signal)
        reachable = true
        if (task !== undefined) await this.#work(task)
      } catch (error) {
        if (this.#isStopping()) return
        if (reachable) logger.warn({ err: error }, 'no work can be asked for')
        reachable = false
        await pause(retryMs, this.#stop.signal)
      }
    }
  }

  #isStopping(): boolean {
    return this.#stop.signal.aborted
  }

  async #work(task: LeasedTask): Promise<void> {
    const { logger } = this.#options
    const lease = new LeaseKeeper(this.#options, task)
    const signal = AbortSignal.any([this.#stop.signal, lease.signal])
    logger.info({ task: task.id, kind: task.kind }, 'task begun')
    try {
      const outcome = await this.#outcome(task, lease, signal)
      await this.#report(task, lease, outcome)
    } finally {
      await lease.stop()
    }
  }

  async #outcome(task: LeasedTask, lease: LeaseKeeper, signal: AbortSignal): Promise<TaskOutcome> {
    try {
      const result = await this.#options.runTask(task, {
        signal,
        onProgress: disks => {
          lease.progress = disks
        },
      })
      return { kind: 'done', result }
    } catch (error) {
      this.#options.logger.warn({ task: task.id, kind: task.kind, err: error }, 'task failed')
      const { code, message } = failureOf(error)
      return { kind: 'failed', code, message: message.slice(0, maxMessage) }
    }
  }

  /** An outcome the OMA did not hear is sent again for as long as the lease lasts; the heartbeats go on meanwhile. */
  async #report(task: LeasedTask, lease: LeaseKeeper, first: TaskOutcome): Promise<void> {
    const { link, logger, pause } = this.#options
    let outcome = first
    while (!isLapsed(lease.signal)) {
      try {
        await link.finish(task, outcome, new AbortController().signal)
        logger.info({ task: task.id, kind: task.kind, outcome: outcome.kind }, 'task reported')
        return
      } catch (error) {
        logger.warn({ task: task.id, err: error }, 'outcome could not be reported')
        if (error instanceof AppError && error.code === 'WORKER_LEASE_LAPSED') return
        if (error instanceof AppError && error.code === 'REQUEST_INVALID') {
          if (outcome.kind === 'failed') return
          outcome = {
            kind: 'failed',
            code: 'INTERNAL_BUG',
            message: 'the OMA refused the result of the task',
          }
          continue
        }
        if (this.#isStopping()) return
        await pause(retryMs, lease.signal)
      }
    }
    logger.warn({ task: task.id }, 'task no longer counts')
  }
}

const isLapsed = (signal: AbortSignal): boolean =>
  signal.reason instanceof AppError && signal.reason.code === 'WORKER_LEASE_LAPSED'
