/**
 * The fires a pattern should have, found by a walk over every minute of a span: what the clock of the zone shows is asked of
 * Intl, and nothing is known of offsets and transitions. The product's calendar is compared with it.
 */
export interface Pattern {
  /** Null: every hour. */
  readonly hours: readonly number[] | null
  readonly minutes: readonly number[]
  readonly isDay: (day: { readonly year: number; readonly month: number; readonly day: number }) => boolean
}

interface Reading {
  readonly at: number
  /** Minutes of the clock on the wall, as if it were UTC. */
  readonly shown: number
}

const minuteMs = 60_000

/** What the clock shows at each minute from `from` on, up to but without `until`. */
export function readings(timeZone: string, from: number, until: number): readonly Reading[] {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone,
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  })
  const found: Reading[] = []
  for (let at = from; at < until; at += minuteMs) {
    const numbers = format.format(at).match(/\d+/g)?.map(Number) ?? []
    const [day = 0, month = 1, year = 0, hour = 0, minute = 0] = numbers
    found.push({ at, shown: Date.UTC(year, month - 1, day, hour, minute) / minuteMs })
  }
  return found
}

/** Milliseconds, in order. */
export function expectedFires(pattern: Pattern, shown: readonly Reading[]): readonly number[] {
  const fires: number[] = []
  let latest = (shown[0]?.shown ?? 0) - 1
  for (const reading of shown) {
    if (pattern.hours === null) {
      if (matches(pattern, reading.shown)) fires.push(reading.at)
      continue
    }
    // What was skipped counts at the minute after it; what was shown before counts no more.
    if (range(latest + 1, reading.shown).some(minute => matches(pattern, minute))) fires.push(reading.at)
    latest = Math.max(latest, reading.shown)
  }
  return fires
}

const range = (first: number, last: number): readonly number[] =>
  Array.from({ length: Math.max(0, last - first + 1) }, (_, index) => first + index)

function matches({ hours, minutes, isDay }: Pattern, shown: number): boolean {
  const date = new Date(shown * minuteMs)
  return (
    minutes.includes(date.getUTCMinutes()) &&
    (hours === null || hours.includes(date.getUTCHours())) &&
    isDay({ year: date.getUTCFullYear(), month: date.getUTCMonth() + 1, day: date.getUTCDate() })
  )
}
