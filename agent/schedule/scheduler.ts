import { failureOf, type Failure } from '../errors.js'
import { readCron, type Calendar } from './cron.js'
import {
  type ActiveSchedule,
  type EndedTry,
  type RpoMember,
  type SchedulerDeps,
  type Settlement,
} from './deps.js'
import { dueSlots } from './due.js'
import { conflict, planQueue, type Queue, type Verdict } from './queue.js'
import { retryAfter } from './retry.js'
import { rpoDecision } from './rpo.js'

/** What this process knows of its own turns. */
export interface TurnReport {
  readonly lastTurnAt: Date | null
  readonly lastFailure: { readonly at: Date; readonly failure: Failure } | null
}

const forgetEveryMs = 3_600_000

/**
 * Fires schedules, starts what waits and settles what has ended, all from the database: any number of processes may do it
 * at the same time, and one that was killed left nothing that another does not find.
 */
export class Scheduler {
  readonly #deps: SchedulerDeps
  readonly #calendars = new Map<string, Calendar>()
  #rpoLookedAt: Date | undefined
  #forgotAt: Date | undefined
  #report: TurnReport = { lastTurnAt: null, lastFailure: null }

  constructor(deps: SchedulerDeps) {
    this.#deps = deps
  }

  get report(): TurnReport {
    return this.#report
  }

  /** One look at everything. A schedule that cannot be read leaves the others alone; a database that is away rejects. */
  async turn(signal: AbortSignal): Promise<void> {
    const { now } = this.#deps
    try {
      for (const work of [
        () => this.#fire(signal),
        () => this.#settle(signal),
        () => this.#keepRpo(signal),
        () => this.#dispatch(),
        () => this.#forget(),
      ]) {
        if (signal.aborted) return
        await work()
      }
      this.#report = { ...this.#report, lastTurnAt: now() }
    } catch (error) {
      this.#report = { ...this.#report, lastFailure: { at: now(), failure: failureOf(error) } }
      throw error
    }
  }

  async #fire(signal: AbortSignal): Promise<void> {
    const { schedules, now, logger } = this.#deps
    for (const schedule of await schedules.active()) {
      if (signal.aborted) return
      const calendar = this.#calendarOf(schedule)
      if (calendar === undefined) continue
      const due = dueSlots(calendar, schedule.nextFireAt, schedule.misfire, schedule.graceMs, now())
      const fields = { schedule: schedule.id, name: schedule.name }
      switch (due.kind) {
        case 'nothing':
          break
        case 'clock-went-back':
          if (await schedules.moveNext(schedule, due.next))
            logger.warn({ ...fields, was: schedule.nextFireAt, next: due.next }, 'the clock was put back')
          break
        case 'due': {
          const outcome = await schedules.fire(schedule, due)
          const { missed, next } = due
          logger.info({ ...fields, outcome, slot: due.fire?.slotAt, missed, next }, 'schedule was due')
        }
      }
    }
  }

  async #settle(signal: AbortSignal): Promise<void> {
    const { rounds, now, logger } = this.#deps
    for (const ended of await rounds.ended()) {
      if (signal.aborted) return
      const settlement = settlementOf(ended, now())
      await rounds.settle(ended, settlement)
      const { roundId: round, jobId: job, passId: pass } = ended
      logger.info({ round, job, pass, settlement: settlement.kind }, 'scheduled pass ended')
    }
  }

  async #keepRpo(signal: AbortSignal): Promise<void> {
    const { rpo, rpoEveryMs, now, logger } = this.#deps
    const at = now()
    if (this.#rpoLookedAt !== undefined && Math.abs(at.getTime() - this.#rpoLookedAt.getTime()) < rpoEveryMs)
      return
    const { members, isWorkerThere } = await rpo.members()
    const judged = members.map(member => {
      const verdict = rpoVerdict(member, isWorkerThere, at)
      const isQueued = member.queued !== null
      return { member, ...rpoDecision({ ...member, isQueued, verdict }, at) }
    })
    const pulled = judged.filter(one => one.isPulled).map(one => one.member)
    for (const group of new Set(pulled.map(member => member.group.id))) {
      if (signal.aborted) return
      const jobs = pulled.filter(member => member.group.id === group).map(member => member.jobId)
      const round = await rpo.pull(group, jobs)
      if (round !== undefined) logger.info({ group, round, jobs }, 'passes start earlier for their RPO')
    }
    for (const { member, state } of await rpo.record(judged)) {
      const fields = { group: member.group.id, job: member.jobId, vm: member.vmName }
      if (state.kind === 'kept') logger.info(fields, 'RPO is kept again')
      else logger.warn({ ...fields, why: state.why }, state.kind === 'missed' ? 'RPO missed' : 'RPO at risk')
    }
    this.#rpoLookedAt = at
  }

  /** Locks nothing when nothing would change. */
  async #dispatch(): Promise<void> {
    const { rounds, applianceCap, now, onWork, logger } = this.#deps
    const decide = (queue: Queue) => planQueue(queue, applianceCap, now())
    const queue = await rounds.queue()
    if (queue === undefined || !decide(queue).some(changesSomething)) return
    const passes = await rounds.dispatch(decide)
    if (passes.length === 0) return
    logger.info({ passes }, 'scheduled passes started')
    onWork()
  }

  async #forget(): Promise<void> {
    const { rounds, keepMs, now, logger } = this.#deps
    const at = now()
    if (this.#forgotAt !== undefined && Math.abs(at.getTime() - this.#forgotAt.getTime()) < forgetEveryMs)
      return
    const count = await rounds.forget(new Date(at.getTime() - keepMs))
    if (count > 0) logger.info({ count }, 'old rounds forgotten')
    this.#forgotAt = at
  }

  #calendarOf({ id, cron, timeZone }: ActiveSchedule): Calendar | undefined {
    const key = `${timeZone} ${cron}`
    const known = this.#calendars.get(key)
    if (known !== undefined) return known
    const read = readCron(cron, timeZone)
    if (read.kind === 'invalid') {
      this.#deps.logger.error({ schedule: id, why: read.why }, 'schedule cannot be read')
      return undefined
    }
    this.#calendars.set(key, read.calendar)
    return read.calendar
  }
}

export const changesSomething = (decision: Verdict & { readonly entry: Queue['waiting'][number] }): boolean =>
  decision.kind !== 'wait' ||
  decision.reason !== decision.entry.reason ||
  decision.detail !== decision.entry.detail

export function settlementOf({ outcome, tries, maxRetries }: EndedTry, now: Date): Settlement {
  switch (outcome.kind) {
    case 'committed':
      return { kind: 'committed' }
    case 'gone':
      return { kind: 'job-gone' }
    case 'parked':
      return { kind: 'failed', reason: 'clean-up-required', failure: null }
    case 'failed': {
      const { failure } = outcome
      const retry = retryAfter(failure.code, tries, maxRetries)
      if (retry.kind !== 'again') return { kind: 'failed', reason: retry.kind, failure }
      return { kind: 'again', notBefore: new Date(now.getTime() + retry.afterMs), failure }
    }
  }
}

/** A VM that waits is kept by what the queue says of it. */
function rpoVerdict(member: RpoMember, isWorkerThere: boolean, now: Date): Verdict {
  if (member.queued !== null) return { kind: 'wait', ...member.queued }
  const { facts, group } = member
  return conflict({ facts, group, schedule: null, trigger: 'rpo', notBefore: null }, isWorkerThere, now)
}
