import { type DiskCounters, type LeasedTask } from '../api/worker.js'
import { MIB } from '../domain/units.js'
import { AppError } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { type CopySteering } from './copy-steering.js'
import { type OmaLink } from './oma-link.js'

export interface LeaseKeeperOptions {
  readonly link: Pick<OmaLink, 'heartbeat'>
  readonly logger: Logger
  /** Milliseconds on a clock that never jumps. */
  readonly nowMs: () => number
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
}

/** An operator who pauses or cancels does not wait a quarter of a long lease. */
const longestBeatMs = 2_000

/**
 * Keeps one lease alive by heartbeats. `signal` aborts when the OMA wants the work cancelled (PASS_CANCELLED), has given it
 * up, or could not be reached for as long as the lease lasts (WORKER_LEASE_LAPSED), or when another version of the OMA
 * answers (WORKER_VERSION_MISMATCH). The lease counts from the moment its newest acknowledged heartbeat was sent, so this side
 * always stops before the OMA gives the work to somebody else. A durable mark that moved far is told at once: only what the
 * OMA has heard of need not be sent again should this side die.
 */
export class LeaseKeeper {
  readonly #options: LeaseKeeperOptions
  readonly #task: LeasedTask
  readonly #steering: Pick<CopySteering, 'hold' | 'isHeld'>
  readonly #end = new AbortController()
  readonly #over = new AbortController()
  readonly #beating: Promise<void>
  #deadlineMs: number
  #progress: readonly DiskCounters[] = []
  #told: readonly DiskCounters[] = []
  #rest = new AbortController()

  constructor(
    options: LeaseKeeperOptions,
    task: LeasedTask,
    steering: Pick<CopySteering, 'hold' | 'isHeld'>,
  ) {
    this.#options = options
    this.#task = task
    this.#steering = steering
    this.#deadlineMs = options.nowMs() + task.leaseMs
    this.#beating = this.#beat()
  }

  set progress(disks: readonly DiskCounters[]) {
    this.#progress = disks
    if (hasMovedFar(this.#told, disks)) this.#rest.abort()
  }

  get signal(): AbortSignal {
    return this.#over.signal
  }

  /** Ends the heartbeats; resolves when none is under way. */
  async stop(): Promise<void> {
    this.#end.abort()
    await this.#beating
  }

  /** The first heartbeat goes out at once: how long ago the lease was given is known only to the OMA. */
  async #beat(): Promise<void> {
    const { nowMs, pause } = this.#options
    while (!this.#isStopping() && !this.#over.signal.aborted) {
      const leftMs = this.#deadlineMs - nowMs()
      if (leftMs <= 0) {
        this.#lapse('no heartbeat was acknowledged until the lease ended')
        return
      }
      await this.#once()
      const rest = AbortSignal.any([this.#end.signal, this.#rest.signal])
      await pause(Math.min(this.#task.leaseMs / 4, longestBeatMs, leftMs), rest)
    }
  }

  async #once(): Promise<void> {
    const { link, logger, nowMs } = this.#options
    if (this.#isStopping()) return
    const sentAtMs = nowMs()
    const leftMs = this.#deadlineMs - sentAtMs
    if (leftMs <= 0) return
    try {
      const limit = AbortSignal.any([this.#end.signal, AbortSignal.timeout(Math.ceil(leftMs))])
      this.#rest = new AbortController()
      this.#told = this.#progress
      const report = { progress: [...this.#told], held: this.#steering.isHeld }
      const { cancel, hold } = await link.heartbeat(this.#task, report, limit)
      this.#deadlineMs = sentAtMs + this.#task.leaseMs
      this.#steering.hold(hold)
      if (cancel) this.#over.abort(new AppError('PASS_CANCELLED', `task ${this.#task.id} was cancelled`))
    } catch (error) {
      if (this.#isStopping()) return
      if (error instanceof AppError && error.code === 'WORKER_LEASE_LAPSED') this.#lapse('the OMA gave it up')
      else if (error instanceof AppError && error.code === 'WORKER_VERSION_MISMATCH') this.#over.abort(error)
      else logger.warn({ task: this.#task.id, err: error }, 'heartbeat failed')
    }
  }

  #isStopping(): boolean {
    return this.#end.signal.aborted
  }

  #lapse(why: string): void {
    this.#over.abort(new AppError('WORKER_LEASE_LAPSED', `task ${this.#task.id}: ${why}`))
  }
}

/** A mark that moved by less can wait for the next heartbeat. */
const farBytes = 4n * MIB

const hasMovedFar = (told: readonly DiskCounters[], now: readonly DiskCounters[]): boolean =>
  now.some(disk => {
    const before = told.find(candidate => candidate.diskKey === disk.diskKey)
    return BigInt(disk.durableBelow) - BigInt(before?.durableBelow ?? '0') >= farBytes
  })
