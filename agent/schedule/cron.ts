import { Cron, CronPattern } from 'croner'
import { Zone, type Transition } from './zone.js'

/** How far a pattern is looked ahead for: 29 February may be eight years away. */
const horizonMs = 10 * 366 * 86_400_000

const fields = ['second', 'minute', 'hour', 'day of the month', 'month', 'day of the week'] as const

export type CronReading =
  | { readonly kind: 'valid'; readonly calendar: Calendar }
  /** `why` says where in the text, for an operator. */
  | { readonly kind: 'invalid'; readonly field: 'cron' | 'timeZone'; readonly why: string }

/** Reads six fields: second, minute, hour, day of the month, month, day of the week. */
export function readCron(cron: string, timeZone: string): CronReading {
  let zone: Zone
  try {
    zone = new Zone(timeZone)
  } catch (error) {
    if (!(error instanceof RangeError)) throw error
    return { kind: 'invalid', field: 'timeZone', why: `no time zone is called ${timeZone}` }
  }
  const parts = cron.trim().split(/\s+/)
  if (parts.length !== fields.length) {
    const why = `${parts.length} fields, not 6 (${fields.join(', ')})`
    return { kind: 'invalid', field: 'cron', why }
  }
  for (const [index, part] of parts.entries()) {
    const alone = fields.map((_, other) => (other === index ? part : '*')).join(' ')
    const fault = faultOf(alone)
    if (fault !== undefined) {
      const why = `field ${index + 1} (${fields[index] ?? ''}) is ${part}: ${fault}`
      return { kind: 'invalid', field: 'cron', why }
    }
  }
  const fault = faultOf(parts.join(' '))
  if (fault !== undefined) return { kind: 'invalid', field: 'cron', why: fault }
  const calendar = new Calendar(parts, zone)
  if (calendar.next(new Date(Date.UTC(2026, 0))) === undefined)
    return { kind: 'invalid', field: 'cron', why: 'no day in ten years matches it' }
  return { kind: 'valid', calendar }
}

function faultOf(pattern: string): string | undefined {
  try {
    cronOf(pattern)
    return undefined
  } catch (error) {
    // What the library throws for a pattern it cannot read.
    if (!(error instanceof TypeError) && !(error instanceof RangeError)) throw error
    return error.message.replace(/^CronPattern: /, '')
  }
}

/** Matches the clock on the wall, written as if it were UTC, so that the library never meets a zone. */
const cronOf = (pattern: string): Cron => new Cron(pattern, { mode: '6-part', utcOffset: 0, paused: true })

/**
 * The instants at which a cron pattern fires in a zone, in their order. Between two transitions they are the readings of the
 * clock that match. Where the clock is put forward or back, the hour field decides:
 *
 * - it names hours (`0 30 2 * * *`): what a gap swallows fires once, at the instant the gap ends; what an overlap shows twice
 *   fires the first time only;
 * - it does not (every hour): the pattern tells a distance, so it fires by the clock as it runs: not in a gap, and both times
 *   in an overlap.
 */
export class Calendar {
  readonly #cron: Cron
  readonly #zone: Zone
  readonly namesHours: boolean

  constructor(parts: readonly string[], zone: Zone) {
    this.#cron = cronOf(parts.join(' '))
    this.#zone = zone
    this.namesHours = new CronPattern(parts.join(' '), undefined, { mode: '6-part' }).hour.includes(0)
  }

  /** The first instant after `after`, a whole second; undefined: none within ten years. */
  next(after: Date): Date | undefined {
    const end = after.getTime() + horizonMs
    let [from, since] = [after.getTime(), after.getTime()]
    let offsetMs = this.#zone.offsetMs(from)
    for (;;) {
      const reading = this.#readingAfter(from + offsetMs)
      const candidate = reading === undefined ? end : reading - offsetMs
      const change = this.#zone.transition(since, Math.min(candidate, end))
      if (change === undefined) {
        if (reading === undefined || candidate > end) return undefined
        if (!this.#wasShownBefore(candidate, reading)) return new Date(candidate)
        from = candidate
        since = candidate
        continue
      }
      if (this.namesHours && this.#swallows(change)) return change.at
      since = change.at.getTime()
      // What matches may begin with the transition itself.
      from = since - 1
      offsetMs = change.afterMs
    }
  }

  /** The first instants after `after`; fewer when there are no more. */
  preview(after: Date, count: number): Date[] {
    const found: Date[] = []
    for (let next = this.next(after); next !== undefined; next = this.next(next)) {
      found.push(next)
      if (found.length === count) break
    }
    return found
  }

  /** The first reading of the clock after this one that matches; both as if they were UTC. */
  #readingAfter(reading: number): number | undefined {
    return this.#cron.nextRun(new Date(reading))?.getTime()
  }

  #swallows({ at, beforeMs, afterMs }: Transition): boolean {
    if (afterMs <= beforeMs) return false
    const first = this.#readingAfter(at.getTime() + beforeMs - 1)
    return first !== undefined && first < at.getTime() + afterMs
  }

  /** Whether a pattern that names hours has fired at this reading before the clock was put back. */
  #wasShownBefore(at: number, reading: number): boolean {
    if (!this.namesHours) return false
    const offsetMs = reading - at
    // No zone is put back by more than a day.
    const earlier = this.#zone.transition(at - 86_400_000, at)
    if (earlier === undefined || earlier.beforeMs <= offsetMs) return false
    return reading - earlier.beforeMs < earlier.at.getTime()
  }
}
