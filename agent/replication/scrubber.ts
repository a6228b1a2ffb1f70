import { type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { type Logger } from '../log/logger.js'

export interface ScrubOptions {
  readonly verifications: {
    readonly dueForScrub: (before: Date) => Promise<string | undefined>
    readonly scrub: (
      jobId: string,
      scrub: { readonly bytesPerSecond: Bytes; readonly budgetBytes: Bytes },
    ) => Promise<void>
  }
  /** Something was started: whoever runs sagas looks now. */
  readonly onWork: () => void
  /** Of each side. */
  readonly bytesPerSecond: Bytes
  /** How long one look at a job may take at that rate; as long stands its snapshot. */
  readonly lookMs: number
  /** Between the beginnings of two looks at one job. */
  readonly everyMs: number
  readonly now: () => Date
  readonly logger: Logger
}

/**
 * Verifies a part of each job's volumes again and again, one job at a time, each part behind the last: so every byte is looked
 * at in the end, no snapshot stands for long, and the load stays below a rate. A job that is busy is left for the next poll.
 */
export class Scrubber {
  readonly #options: ScrubOptions

  constructor(options: ScrubOptions) {
    this.#options = options
  }

  /** Starts a look at the job that waits longest; true when it did. */
  async next(): Promise<boolean> {
    const { verifications, bytesPerSecond, lookMs, everyMs, now, onWork, logger } = this.#options
    const job = await verifications.dueForScrub(new Date(now().getTime() - everyMs))
    if (job === undefined) return false
    const budgetBytes = (bytesPerSecond * BigInt(lookMs)) / 1000n
    try {
      await verifications.scrub(job, { bytesPerSecond, budgetBytes })
    } catch (error) {
      if (error instanceof AppError && error.code === 'JOB_BUSY') return false
      throw error
    }
    logger.info({ job }, 'scrub started')
    onWork()
    return true
  }
}
