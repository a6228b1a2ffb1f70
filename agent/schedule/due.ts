import { type Calendar } from './cron.js'

/** What becomes of a slot that could not fire in time: its newest one runs late, or none does. */
export type MisfirePolicy = 'run-once' | 'skip'

/** What has to be done about a schedule now. */
export type Due =
  | { readonly kind: 'nothing' }
  /** The stored next fire lies behind the one that comes next: the clock was put back. */
  | { readonly kind: 'clock-went-back'; readonly next: Date }
  | {
      readonly kind: 'due'
      /** Null: the policy lets none run. */
      readonly fire: { readonly slotAt: Date; readonly isLate: boolean } | null
      readonly missed: MissedSlots | null
      /** Null: the pattern matches no more. */
      readonly next: Date | null
    }

/** Slots that did not fire, in one line of the history. */
export interface MissedSlots {
  readonly from: Date
  readonly until: Date
  /** Null: more than are counted. */
  readonly count: number | null
  /** A later slot ran instead; otherwise the misfire policy let none run. */
  readonly isCoalesced: boolean
}

export const maxCounted = 10_000

/**
 * Judges a schedule by its stored next fire and the clock. A slot is on time for `graceMs`. Of several that are due only the
 * newest may fire; the others are told as missed, however many they are.
 */
export function dueSlots(
  calendar: Calendar,
  nextFireAt: Date,
  policy: MisfirePolicy,
  graceMs: number,
  now: Date,
): Due {
  const next = calendar.next(now) ?? null
  if (nextFireAt > now)
    // A clock that only goes forward never stores a fire behind the next one.
    return next !== null && nextFireAt > next ? { kind: 'clock-went-back', next } : { kind: 'nothing' }
  const { newest, before, isCounted } = slotsUntil(calendar, nextFireAt, now)
  const isLate = now.getTime() - newest.slotAt.getTime() > graceMs
  const isFired = !isLate || policy === 'run-once'
  const count = isFired ? before.count : before.count + 1
  const missed: MissedSlots | null =
    count === 0
      ? null
      : {
          from: nextFireAt,
          until: isFired ? (before.until ?? nextFireAt) : newest.slotAt,
          count: isCounted ? count : null,
          isCoalesced: isFired,
        }
  return { kind: 'due', fire: isFired ? { slotAt: newest.slotAt, isLate } : null, missed, next }
}

/** The newest slot that is not after `now`, and those before it from `first` on. */
function slotsUntil(calendar: Calendar, first: Date, now: Date) {
  let newest = first
  let until: Date | undefined
  for (let count = 0; count < maxCounted; count += 1) {
    const next = calendar.next(newest)
    if (next === undefined || next > now)
      return { newest: { slotAt: newest }, before: { until, count }, isCounted: true }
    until = newest
    newest = next
  }
  const [last, previous] = newestBefore(calendar, now)
  return { newest: { slotAt: last }, before: { until: previous, count: maxCounted }, isCounted: false }
}

/** The two newest slots of a dense pattern, found without walking all before them. */
function newestBefore(calendar: Calendar, now: Date): readonly [Date, Date] {
  for (let backMs = 2_000; ; backMs *= 2) {
    const found: Date[] = []
    let slot = calendar.next(new Date(now.getTime() - backMs))
    for (; slot !== undefined && slot <= now; slot = calendar.next(slot)) found.push(slot)
    const [last, previous] = [found.at(-1), found.at(-2)]
    if (last !== undefined && previous !== undefined) return [last, previous]
  }
}
