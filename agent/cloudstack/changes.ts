import { AppError } from '../errors.js'
import { type CloudstackApi, type Parameters } from './api.js'
import { type ChangeEnd, type ChangeJournal } from './deps.js'
import { CloudstackError, CloudstackFault } from './failure.js'

/** One wish, such as "volume V is attached to VM M". */
export interface Change<T> {
  /** Names the wish: the same one after a restart. At most 200 characters. */
  readonly operation: string
  readonly command: string
  readonly parameters: Parameters
  /**
   * What is there when the wish is fulfilled; undefined: it is not. Waits for jobs that still work on the object, and
   * rejects with CLOUDSTACK_AMBIGUOUS when there is more than one object.
   */
  readonly observe: (signal: AbortSignal) => Promise<T | undefined>
}

export interface ChangesOptions {
  readonly api: CloudstackApi
  readonly journal: ChangeJournal
  /** A command whose answer was lost is sent again only when two looks so far apart saw no effect. */
  readonly settleMs: number
  /** Between looks at lists that lag behind a job that has ended. */
  readonly lookMs: number
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
}

/** A command is sent so often, each time only after the one before had surely no effect. */
const maxSends = 3
/** A list may lag behind the end of a job. */
const looksAfterEnd = 5

type Looks = 'one' | 'two' | 'several'

const looksAfter = { succeeded: 'several', failed: 'one', forgotten: 'two' } as const

/**
 * Carries out commands that change something, each exactly once. It looks before it sends, saves the wish before and the
 * job's id after sending, waits for the job, and looks again: what is there decides, not what an answer said. What an
 * unknown outcome left is adopted.
 */
export class Changes {
  readonly #options: ChangesOptions

  constructor(options: ChangesOptions) {
    this.#options = options
  }

  /** Gives what `observe` gave. Repeatable. */
  async ensure<T>(change: Change<T>, signal: AbortSignal): Promise<T> {
    const { journal } = this.#options
    const before = await journal.unfinished(change.operation)
    if (before?.state === 'waiting') {
      const seen = await this.#afterOldJob(change, before.jobId, signal)
      if (seen !== undefined) return seen
    }
    let inDoubt = before?.state === 'intended'
    for (let sends = 1; ; sends += 1) {
      const seen = await this.#look(change, inDoubt ? 'two' : 'one', signal)
      if (seen !== undefined) {
        if (inDoubt || before !== undefined) await journal.ended(change.operation, 'adopted')
        return seen
      }
      try {
        const made = await this.#send(change, signal)
        if (made !== undefined) return made
        inDoubt = true
      } catch (error) {
        // A refused connection was surely not heard, so that is the one thing worth a try without doubt.
        if (!isUnanswered(error) || sends >= maxSends) throw error
        inDoubt = error.effect === 'unknown'
        if (!inDoubt) await this.#pause(this.#options.lookMs, signal)
      }
    }
  }

  /**
   * For a command whose effect no list shows, but which may be carried out again: until one job of it has succeeded.
   * `settle` resolves when no job works on the object any more.
   */
  async repeat(
    change: Omit<Change<true>, 'observe'> & { readonly settle: (signal: AbortSignal) => Promise<void> },
    signal: AbortSignal,
  ): Promise<void> {
    const { api, journal } = this.#options
    const { operation, command, parameters, settle } = change
    const before = await journal.unfinished(operation)
    let jobId = before?.state === 'waiting' ? before.jobId : undefined
    for (let sends = 0; ;) {
      if (jobId !== undefined) {
        const end = await api.awaitJob(command, jobId, signal)
        if (end.kind !== 'forgotten') {
          await journal.ended(operation, end.kind)
          if (end.kind === 'failed') throw end.fault
          return
        }
        if (sends >= maxSends)
          throw new CloudstackError('CLOUDSTACK_INTERNAL', `${command}: job ${jobId} was forgotten`, {
            effect: 'unknown',
          })
      }
      await settle(signal)
      sends += 1
      await journal.intend(operation, command)
      try {
        const { jobid } = await api.once(command, parameters, signal)
        if (typeof jobid !== 'string')
          throw new CloudstackError('CLOUDSTACK_PROTOCOL', `${command}: no jobid`, { effect: 'unknown' })
        await journal.jobStarted(operation, jobid)
        jobId = jobid
      } catch (error) {
        if (error instanceof CloudstackFault) await journal.ended(operation, 'failed')
        if (!isUnanswered(error) || sends >= maxSends) throw error
        jobId = undefined
        // A call that is still on its way shows as a job by then.
        await this.#pause(error.effect === 'none' ? this.#options.lookMs : this.#options.settleMs, signal)
      }
    }
  }

  /** Undefined: CloudStack has forgotten the job and nothing is seen of it. */
  async #send<T>(change: Change<T>, signal: AbortSignal): Promise<T | undefined> {
    const { api, journal } = this.#options
    const { operation, command } = change
    await journal.intend(operation, command)
    try {
      const { jobid } = await api.once(command, change.parameters, signal)
      if (typeof jobid === 'string') {
        await journal.jobStarted(operation, jobid)
        return await this.#afterJob(change, jobid, signal)
      }
    } catch (error) {
      if (!(error instanceof CloudstackFault)) {
        if (error instanceof CloudstackError && error.effect === 'none') await this.#end(change, 'failed')
        throw error
      }
      return this.#afterFault(change, error, signal)
    }
    return this.#afterSuccess(change, signal)
  }

  /** Of an earlier run: how it ended does not count, and what it did may have been undone since. */
  async #afterOldJob<T>(change: Change<T>, jobId: string, signal: AbortSignal): Promise<T | undefined> {
    const end = await this.#jobEnd(change, jobId, signal)
    if (end.kind === 'adopted') return end.seen
    const seen = await this.#look(change, looksAfter[end.kind], signal)
    await this.#end(change, seen === undefined ? 'failed' : 'adopted')
    return seen
  }

  async #afterJob<T>(change: Change<T>, jobId: string, signal: AbortSignal): Promise<T | undefined> {
    const end = await this.#jobEnd(change, jobId, signal)
    switch (end.kind) {
      case 'succeeded':
        return this.#afterSuccess(change, signal)
      case 'failed':
        return this.#afterFault(change, end.fault, signal)
      case 'forgotten': {
        const seen = await this.#look(change, 'two', signal)
        await this.#end(change, seen === undefined ? 'failed' : 'adopted')
        return seen
      }
      case 'adopted':
        return end.seen
    }
  }

  /** A job without end whose effect is there has done its work; without it, it stays the one that is waited for. */
  async #jobEnd<T>(change: Change<T>, jobId: string, signal: AbortSignal) {
    try {
      return await this.#options.api.awaitJob(change.command, jobId, signal)
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'CLOUDSTACK_JOB_UNFINISHED') throw error
      const seen = await change.observe(signal)
      if (seen === undefined) throw error
      await this.#end(change, 'adopted')
      return { kind: 'adopted', seen } as const
    }
  }

  async #afterSuccess<T>(change: Change<T>, signal: AbortSignal): Promise<T> {
    const seen = await this.#look(change, 'several', signal)
    await this.#end(change, seen === undefined ? 'failed' : 'succeeded')
    if (seen !== undefined) return seen
    const text = `${change.command}: reported as done, but nothing is seen of it (${change.operation})`
    throw new CloudstackError('CLOUDSTACK_INTERNAL', text, { effect: 'unknown' })
  }

  /** What is there counts more than what was reported: an error can come from a second try inside CloudStack. */
  async #afterFault<T>(change: Change<T>, fault: CloudstackFault, signal: AbortSignal): Promise<T> {
    const seen = fault.effect === 'none' ? undefined : await this.#look(change, 'one', signal)
    await this.#end(change, seen === undefined ? 'failed' : 'adopted')
    if (seen === undefined) throw fault
    return seen
  }

  async #look<T>(change: Change<T>, looks: Looks, signal: AbortSignal): Promise<T | undefined> {
    const { settleMs, lookMs } = this.#options
    const [most, apartMs] =
      looks === 'one' ? [1, 0] : looks === 'two' ? [2, settleMs] : [looksAfterEnd, lookMs]
    for (let look = 1; ; look += 1) {
      const seen = await change.observe(signal)
      if (seen !== undefined || look >= most) return seen
      await this.#pause(apartMs, signal)
    }
  }

  async #pause(delayMs: number, signal: AbortSignal): Promise<void> {
    await this.#options.pause(delayMs, signal)
    signal.throwIfAborted()
  }

  #end(change: Change<unknown>, end: ChangeEnd): Promise<void> {
    return this.#options.journal.ended(change.operation, end)
  }
}

/** Neither CloudStack nor a proxy said what became of the call. */
const isUnanswered = (error: unknown): error is CloudstackError =>
  error instanceof CloudstackError &&
  !(error instanceof CloudstackFault) &&
  ['CLOUDSTACK_UNREACHABLE', 'CLOUDSTACK_BUSY', 'CLOUDSTACK_PROTOCOL'].includes(error.code)
