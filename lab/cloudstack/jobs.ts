import { randomUUID } from 'node:crypto'
import { setTimeout as after } from 'node:timers/promises'
import { ApiError, internalError } from './api-error.js'
import { type Faults } from './faults.js'
import { dateText, errorFields, type Fields } from './reply.js'

export interface JobRequest {
  /** Name of the API command. */
  readonly command: string
  readonly commandClass: string
  readonly instance: {
    readonly type: 'Volume' | 'VirtualMachine' | 'Snapshot' | 'None'
    readonly id: string | undefined
  }
  /** Ids of VMs and volumes: jobs that share one run after each other. */
  readonly locks: readonly string[]
  readonly work: () => Promise<Fields>
  /** What a failed job leaves behind, where that is not nothing. */
  readonly onFailure?: () => void
}

export type JobOutcome =
  | { readonly kind: 'pending' }
  | { readonly kind: 'succeeded'; readonly result: Fields; readonly at: Date }
  | { readonly kind: 'failed'; readonly error: ApiError; readonly at: Date }

export class Job {
  readonly id = randomUUID()
  readonly request: JobRequest
  readonly created = new Date()
  outcome: JobOutcome = { kind: 'pending' }

  constructor(request: JobRequest) {
    this.request = request
  }

  /** The numbers of queryAsyncJobResult: 0 pending, 1 succeeded, 2 failed. */
  get status(): 0 | 1 | 2 {
    switch (this.outcome.kind) {
      case 'pending':
        return 0
      case 'succeeded':
        return 1
      case 'failed':
        return 2
    }
  }
}

export interface JobTimes {
  readonly delayMs: number
  /** How long an ended job can be asked about. */
  readonly retentionMs: number
}

/** Runs asynchronous commands: each answers at once with its job and goes on by itself. */
export class Jobs {
  readonly #times: JobTimes
  readonly #faults: Faults
  readonly #onBug: (error: unknown) => void
  readonly #jobs = new Map<string, Job>()
  readonly #locks = new Map<string, Promise<void>>()
  readonly #running = new Set<Promise<void>>()
  readonly #forgetting = new Set<NodeJS.Timeout>()
  #isStopped = false

  /** `onBug` is told what no CloudStack error explains. */
  constructor(times: JobTimes, faults: Faults, onBug: (error: unknown) => void) {
    this.#times = times
    this.#faults = faults
    this.#onBug = onBug
  }

  start(request: JobRequest): Job {
    const job = new Job(request)
    this.#jobs.set(job.id, job)
    this.#track(this.#inTurn(request.locks, () => this.#run(job)))
    return job
  }

  find(id: string): Job | undefined {
    return this.#jobs.get(id)
  }

  get all(): readonly Job[] {
    return [...this.#jobs.values()]
  }

  pendingOn(instanceId: string): Job | undefined {
    return this.all.find(job => job.status === 0 && job.request.instance.id === instanceId)
  }

  /** Ended jobs are purged; asking about one is an error then. */
  forgetEnded(): void {
    for (const job of this.all) if (job.status !== 0) this.#jobs.delete(job.id)
  }

  /** No job begins its work any more; resolves when the last has ended. Held jobs have to be released before. */
  async stop(): Promise<void> {
    this.#isStopped = true
    while (this.#running.size > 0) await Promise.all(this.#running)
    for (const timer of this.#forgetting) clearTimeout(timer)
  }

  async #run(job: Job): Promise<void> {
    const { command } = job.request
    await after(this.#times.delayMs)
    await this.#faults.take('hold-job', command)?.released
    const late = this.#faults.take('late-effect', command)
    if (late === null) {
      job.outcome = await this.#outcomeOf(job)
      if (job.outcome.kind === 'failed') job.request.onFailure?.()
    } else {
      this.#track(late.released.then(() => this.#lateEffect(job)))
      job.outcome = {
        kind: 'failed',
        error: internalError(`Command ${command} timed out on the host`),
        at: new Date(),
      }
    }
    const timer = setTimeout(() => {
      this.#forgetting.delete(timer)
      this.#jobs.delete(job.id)
    }, this.#times.retentionMs)
    timer.unref()
    this.#forgetting.add(timer)
  }

  async #outcomeOf(job: Job): Promise<JobOutcome> {
    try {
      if (this.#isStopped) throw internalError('The management server is shutting down')
      const fail = this.#faults.take('fail-job', job.request.command)
      if (fail !== null) throw new ApiError(fail.rule.errorCode, fail.rule.errorText)
      return { kind: 'succeeded', result: await job.request.work(), at: new Date() }
    } catch (error) {
      if (error instanceof ApiError) return { kind: 'failed', error, at: new Date() }
      this.#onBug(error)
      return { kind: 'failed', error: internalError(String(error)), at: new Date() }
    }
  }

  async #lateEffect(job: Job): Promise<void> {
    const late = await this.#outcomeOf(job)
    if (late.kind === 'failed' && !this.#isStopped) this.#onBug(late.error)
  }

  #inTurn(locks: readonly string[], work: () => Promise<void>): Promise<void> {
    const before = locks.map(lock => this.#locks.get(lock) ?? Promise.resolve())
    const turn = Promise.all(before).then(work)
    for (const lock of locks) this.#locks.set(lock, turn)
    return turn
  }

  #track(work: Promise<void>): void {
    const tracked: Promise<void> = work.finally(() => this.#running.delete(tracked))
    this.#running.add(tracked)
  }
}

export function jobFields(job: Job, owner: { readonly accountId: string; readonly userId: string }): Fields {
  const { instance, commandClass } = job.request
  const { outcome } = job
  const ended: Fields =
    outcome.kind === 'pending'
      ? { jobresultcode: 0 }
      : outcome.kind === 'succeeded'
        ? { jobresultcode: 0, jobresulttype: 'object', jobresult: outcome.result }
        : {
            // ApiAsyncJobDispatcher gives every failure the code of an internal error; the error's own is in the result.
            jobresultcode: 530,
            jobresulttype: 'object',
            jobresult: errorFields(new ApiError(outcome.error.jobCode, outcome.error.message, null)),
          }
  return {
    accountid: owner.accountId,
    userid: owner.userId,
    cmd: commandClass,
    jobstatus: job.status,
    jobprocstatus: 0,
    ...ended,
    ...(instance.id === undefined ? {} : { jobinstancetype: instance.type, jobinstanceid: instance.id }),
    created: dateText(job.created),
    ...(outcome.kind === 'pending' ? {} : { completed: dateText(outcome.at) }),
    jobid: job.id,
  }
}
