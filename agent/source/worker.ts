import { type DiskCounters, type LeasedTask, type TaskOutcome } from '../api/worker.js'
import { disksAtOnce, usualDisksAtOnce } from '../domain/pace.js'
import { AppError, failureOf, type ErrorCode } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { type Steer } from '../nbd/steered-copy.js'
import { CopySteering, type Rates } from './copy-steering.js'
import { LeaseKeeper } from './lease-keeper.js'
import { type OmaLink } from './oma-link.js'

export interface TaskContext {
  /** Aborts when the work no longer counts: then everything it holds has to be let go before it returns. */
  readonly signal: AbortSignal
  readonly onProgress: (disks: readonly DiskCounters[]) => void
  /** For each copy of the task. */
  readonly steer: Steer
}

export interface WorkerOptions {
  readonly link: OmaLink
  readonly workerId: string
  /** Tasks at the same time; each is of another VM. */
  readonly slots: number
  readonly rates: Rates
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
/** Until somebody has changed one of the two versions. */
const mixedRetryMs = 5_000

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
        const isMixed = isCode(error, 'WORKER_VERSION_MISMATCH')
        if (reachable) logger[isMixed ? 'error' : 'warn']({ err: error }, 'no work can be asked for')
        reachable = false
        await pause(isMixed ? mixedRetryMs : retryMs, this.#stop.signal)
      }
    }
  }

  #isStopping(): boolean {
    return this.#stop.signal.aborted
  }

  async #work(task: LeasedTask): Promise<void> {
    const { logger } = this.#options
    const steering = new CopySteering(task.hold, this.#options.rates, capOf(task))
    const lease = new LeaseKeeper(this.#options, task, steering)
    const signal = AbortSignal.any([this.#stop.signal, lease.signal])
    logger.info({ task: task.id, kind: task.kind }, 'task begun')
    try {
      const outcome = await this.#outcome(task, lease, { signal, steer: steering.attach })
      await this.#report(task, lease, outcome)
    } finally {
      await lease.stop()
    }
  }

  async #outcome(
    task: LeasedTask,
    lease: LeaseKeeper,
    context: Pick<TaskContext, 'signal' | 'steer'>,
  ): Promise<TaskOutcome> {
    try {
      const result = await this.#options.runTask(task, {
        ...context,
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
    while (!isVoid(lease.signal.reason)) {
      try {
        await link.finish(task, outcome, new AbortController().signal)
        logger.info({ task: task.id, kind: task.kind, outcome: outcome.kind }, 'task reported')
        return
      } catch (error) {
        logger.warn({ task: task.id, err: error }, 'outcome could not be reported')
        if (isVoid(error)) return
        if (isCode(error, 'REQUEST_INVALID')) {
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

const isCode = (error: unknown, code: ErrorCode): boolean => error instanceof AppError && error.code === code

/** Nobody takes an outcome after it. */
const isVoid = (error: unknown): boolean =>
  isCode(error, 'WORKER_LEASE_LAPSED') || isCode(error, 'WORKER_VERSION_MISMATCH')

/** What one disk of a pass that has to be gentle may have of its rate. */
function capOf(task: LeasedTask): bigint | null {
  if (task.kind !== 'copy-disks' || task.input.pace.bytesPerSec === null) return null
  const atOnce = Math.min(usualDisksAtOnce, Math.max(1, task.input.disks.length))
  const { level, bytesPerSec } = task.input.pace
  const share = BigInt(bytesPerSec) / BigInt(disksAtOnce({ level }, atOnce))
  return share > 0n ? share : 1n
}
