import { type ErrorCode } from '../../agent/errors.js'
import { type Logger } from '../../agent/log/logger.js'
import { type Database } from '../../agent/store/database.js'
import { SeededRandom } from '../site/random.js'
import { expectedFires, readings } from './expected.js'
import { plans, type Plan } from './plans.js'
import { ScheduleStand } from './stand.js'

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

export interface YearOptions {
  readonly db: Database
  readonly logger: Logger
  readonly from: Date
  readonly days: number
  readonly seed: number
  /** How often something happens to clock and processes: 1 for a year, more for a few days. */
  readonly trouble: number
  readonly onDay?: (day: number) => void
}

export interface YearSummary {
  readonly slots: number
  readonly fired: number
  readonly late: number
  /** Of the slots of the span. */
  readonly missedWithReason: number
  readonly passes: number
  readonly entries: Readonly<Record<string, number>>
  readonly restarts: number
  readonly absences: number
  readonly jumpsForward: number
  readonly jumpsBack: number
  readonly turns: number
  /** What broke the rule. */
  readonly complaints: readonly string[]
}

const failures: readonly ErrorCode[] = ['WORKER_LOST', 'SOURCE_READ_FAILED', 'TARGET_FULL', 'APPLIANCE_FULL']

/**
 * A stretch of time on a clock that is set, with restarts, absences and jumps of that clock, through the real scheduler. The
 * rule: each slot fired once, or is told as missed with a reason; nothing fired that is no slot; each VM has its outcome.
 */
export async function simulateYear(options: YearOptions): Promise<YearSummary> {
  const { db, logger, from, days, seed, trouble, onDay } = options
  // No power is cut here; a year of commits waits for the disk otherwise.
  await db.raw('SET GLOBAL innodb_flush_log_at_trx_commit = 0')
  const stand = new ScheduleStand({ db, logger, startAt: from })
  const schedules = new Map<string, Plan>()
  for (const plan of plans) {
    const group = await stand.groups.create({ name: plan.name, maxConcurrent: 1 })
    for (const name of ['a', 'b'])
      await stand.groups.putMember(group, await stand.addVm(`${plan.name} ${name}`), {})
    const { name, cron, timeZone, misfire } = plan
    schedules.set(await stand.schedules.create({ name, groupId: group, cron, timeZone, misfire }), plan)
  }
  const run = new Run(stand, seed, trouble)
  const end = from.getTime() + days * dayMs
  await run.until(end, day => onDay?.(day))
  const furthest = run.furthest
  await run.drain()
  const complaints: string[] = []
  const shown = new Map(
    [...new Set(plans.map(plan => plan.timeZone))].map(zone => [
      zone,
      readings(zone, from.getTime(), furthest + dayMs),
    ]),
  )
  let [slots, fired, late, missedWithReason] = [0, 0, 0, 0]
  for (const [id, plan] of schedules) {
    // The first slot is the first after the schedule was made.
    const all = expectedFires(plan.pattern, shown.get(plan.timeZone) ?? []).filter(at => at > from.getTime())
    const found = await told(db, id)
    const complain = (what: string): void => {
      complaints.push(`${plan.name}: ${what}`)
    }
    const known = new Set(all)
    const once = new Set<number>()
    for (const at of found.fired) {
      if (!known.has(at)) complain(`${iso(at)} is no slot and fired`)
      if (once.has(at)) complain(`${iso(at)} fired twice`)
      once.add(at)
    }
    for (const at of all.filter(slot => slot <= end)) {
      slots += 1
      if (once.has(at)) fired += 1
      else if (found.missed.some(gap => gap.from <= at && at <= gap.until)) missedWithReason += 1
      else complain(`${iso(at)} neither fired nor is it told as missed`)
    }
    for (const gap of found.missed) {
      const inside = all.filter(at => gap.from <= at && at <= gap.until).length
      if (gap.count !== inside)
        complain(`${gap.count} slots told as missed from ${iso(gap.from)}, not ${inside}`)
    }
    late += found.late
  }
  const { entries, passes, doubled } = await outcomes(db)
  if (doubled > 0) complaints.push(`${doubled} tries of a VM have more than one pass`)
  const { queued, running } = await stand.views.scheduler()
  if (queued + running > 0) complaints.push(`${queued + running} VMs without an outcome`)
  return { slots, fired, late, missedWithReason, passes, entries, ...run.counts, complaints }
}

const iso = (ms: number): string => new Date(ms).toISOString()

/** Moves the clock from one thing to the next, and lets things happen to it. */
class Run {
  readonly counts = { restarts: 0, absences: 0, jumpsForward: 0, jumpsBack: 0, turns: 0 }
  furthest: number
  readonly #stand: ScheduleStand
  readonly #random: SeededRandom
  readonly #trouble: number
  /** How far the clock is wrong now, to be set right after one look. */
  #ahead = 0
  #processes
  /** How long each pass takes. */
  readonly #lengths = new Map<string, number>()

  constructor(stand: ScheduleStand, seed: number, trouble: number) {
    this.#stand = stand
    this.#trouble = trouble
    this.#random = new SeededRandom(seed)
    this.#processes = [stand.newScheduler(), stand.newScheduler()]
    this.furthest = stand.now().getTime()
  }

  async until(end: number, onDay: (day: number) => void): Promise<void> {
    const begin = this.#ms
    let told = 0
    while (this.#ms < end || this.#ahead > 0) {
      await this.#turn()
      await this.#endPasses()
      this.#happen(end)
      await this.#toNext(end)
      const day = Math.floor((this.#ms - begin) / dayMs)
      if (day > told && this.#ahead === 0) onDay((told = day))
    }
    await this.#turn()
  }

  /** No slot any more: everybody who waits gets a pass that succeeds. */
  async drain(): Promise<void> {
    await this.#stand.db('schedules').update({ next_fire_at: null })
    for (let round = 0; round < 500; round += 1) {
      this.#stand.advance(hourMs)
      await this.#turn()
      await this.#stand.endAll()
      await this.#turn()
      const { queued, running } = await this.#stand.views.scheduler()
      if (queued + running === 0) return
    }
  }

  get #ms(): number {
    return this.#stand.now().getTime()
  }

  /** Two processes look at the same time, now and then. */
  async #turn(): Promise<void> {
    const signal = new AbortController().signal
    const looking = this.#chance(0.2) ? this.#processes : this.#processes.slice(0, 1)
    this.counts.turns += looking.length
    await Promise.all(looking.map(scheduler => scheduler.turn(signal)))
  }

  async #endPasses(): Promise<void> {
    for (const pass of await this.#stand.running()) {
      const lengthMs = this.#lengths.get(pass.passId) ?? (1 + this.#random.next() * 20) * minuteMs
      this.#lengths.set(pass.passId, lengthMs)
      // A pass that began before the clock was put back has taken long enough.
      if (Math.abs(this.#ms - pass.startedAt.getTime()) < lengthMs) continue
      const code = this.#chance(0.05) ? this.#random.pick(failures) : undefined
      await this.#stand.endPass(pass, code ?? null)
      this.#lengths.delete(pass.passId)
    }
  }

  #happen(end: number): void {
    const restart = (): void => {
      this.#processes = [this.#stand.newScheduler(), this.#stand.newScheduler()]
      this.counts.restarts += 1
    }
    const by = (longestMs: number): number => this.#random.below(longestMs)
    if (this.#chance(0.01 * this.#trouble)) restart()
    if (this.#chance(0.004 * this.#trouble)) {
      restart()
      this.counts.absences += 1
      this.#stand.advance(by(12 * hourMs))
    } else if (this.#chance(0.004 * this.#trouble)) {
      this.counts.jumpsForward += 1
      this.#stand.advance(by(6 * hourMs))
    } else if (this.#chance(0.004 * this.#trouble)) {
      this.counts.jumpsBack += 1
      this.#stand.advance(-by(3 * hourMs))
    }
    // A clock that was wrong for a while: far ahead, looked at, and right again.
    if (this.#ahead > 0) {
      this.counts.jumpsBack += 1
      this.#stand.advance(-this.#ahead)
      this.#ahead = 0
    } else if (this.#chance(0.0005 * this.#trouble) && this.#ms < end - dayMs) {
      this.counts.jumpsForward += 1
      this.#ahead = 30 * dayMs + by(dayMs)
      this.#stand.advance(this.#ahead)
    }
    this.furthest = Math.max(this.furthest, this.#ms)
  }

  /** The next slot, or soon if passes run or wait. */
  async #toNext(end: number): Promise<void> {
    if (this.#ahead > 0) return
    const { nextFireAt, queued, running } = await this.#stand.views.scheduler()
    const next = nextFireAt === null ? end : Date.parse(nextFireAt)
    const ends = (await this.#stand.running()).map(
      pass => pass.startedAt.getTime() + (this.#lengths.get(pass.passId) ?? 0) + 1,
    )
    const soon = Math.min(...ends, queued + running > ends.length ? this.#ms + 11 * minuteMs : Infinity)
    const target = Math.max(this.#ms, Math.min(next, soon, end))
    this.#stand.setClock(target + this.#random.below(1500))
    this.furthest = Math.max(this.furthest, this.#ms)
  }

  #chance(part: number): boolean {
    return this.#random.next() < part
  }
}

interface Told {
  readonly fired: readonly number[]
  readonly late: number
  readonly missed: readonly { readonly from: number; readonly until: number; readonly count: number | null }[]
}

async function told(db: Database, schedule: string): Promise<Told> {
  const rows = await db('rounds').where('schedule_id', schedule).select<
    {
      slot_at: Date | null
      is_late: number
      missed_from: Date | null
      missed_until: Date | null
      missed_count: number | null
      reason: string | null
    }[]
  >()
  const fired = rows.filter(row => row.slot_at !== null)
  return {
    fired: fired.map(row => row.slot_at?.getTime() ?? 0),
    late: fired.filter(row => row.is_late === 1).length,
    missed: rows.flatMap(row =>
      row.missed_from === null || row.missed_until === null || row.reason === null
        ? []
        : [{ from: row.missed_from.getTime(), until: row.missed_until.getTime(), count: row.missed_count }],
    ),
  }
}

async function outcomes(db: Database) {
  const states = await db('round_entries')
    .groupBy('state', 'reason')
    .select<{ state: string; reason: string | null; count: string }[]>(
      'state',
      'reason',
      db.raw('COUNT(*) AS count'),
    )
  const entries: Record<string, number> = {}
  for (const { state, reason, count } of states)
    entries[reason === null ? state : `${state} ${reason}`] = Number(count)
  const passes = await db('passes').count<{ count: string }[]>({ count: '*' })
  const tries = await db('round_entries').sum<{ tries: string }[]>({ tries: 'tries' })
  return {
    entries,
    passes: Number(passes[0]?.count ?? '0'),
    doubled: Math.abs(Number(passes[0]?.count ?? '0') - Number(tries[0]?.tries ?? '0')),
  }
}
