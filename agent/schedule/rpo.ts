import { reasonText } from './reasons.js'
import { type Verdict } from './queue.js'

/** One VM of a group with an RPO target. */
export interface RpoFacts {
  readonly rpoMs: number
  /** Of the newest recovery point; null: there is none. */
  readonly recoveryPointAt: Date | null
  /** Before it no point can be asked for. */
  readonly memberSince: Date
  /** What the newest committed pass took; null: not known. */
  readonly passMs: number | null
  /** Null: no pass of it runs. */
  readonly passStartedAt: Date | null
  readonly isQueued: boolean
  /** When the scheduler last ran it earlier for its RPO; null: never. */
  readonly pulledAt: Date | null
  /** What speaks against a pass now. */
  readonly verdict: Verdict
}

export type RpoState =
  | { readonly kind: 'kept' }
  /** The point will grow too old. */
  | { readonly kind: 'at-risk'; readonly why: string }
  /** The point is too old, or there is none. */
  | { readonly kind: 'missed'; readonly why: string }

export interface RpoDecision {
  readonly state: RpoState
  /** A pass has to start now, before its schedule says so. */
  readonly isPulled: boolean
}

/** What a pass may take longer than the last one did. */
const marginMs = (rpoMs: number): number => Math.min(5 * 60_000, rpoMs / 10)

/**
 * A pass has to start so early that it can be committed, if it takes as long as the last one, before the newest point is
 * older than the target. After one that did not help, half the target goes by before the next.
 */
export function rpoDecision(facts: RpoFacts, now: Date): RpoDecision {
  const { rpoMs, passMs, passStartedAt, isQueued, pulledAt, verdict } = facts
  const since = facts.recoveryPointAt ?? facts.memberSince
  // A point from the future was taken before the clock was put back.
  const ageMs = Math.max(0, now.getTime() - since.getTime())
  const needsMs = (passMs ?? 0) + marginMs(rpoMs)
  const isDue = ageMs + needsMs >= rpoMs
  const isIdle = passStartedAt === null && !isQueued
  const sincePullMs = pulledAt === null ? Infinity : Math.abs(now.getTime() - pulledAt.getTime())
  const isPulled = isDue && isIdle && verdict.kind !== 'skip' && sincePullMs >= rpoMs / 2
  const hindrance = hindranceOf(facts, now)
  if (ageMs > rpoMs)
    return { state: { kind: 'missed', why: hindrance ?? 'its pass has not been committed yet' }, isPulled }
  const isLost = passMs !== null && passMs > rpoMs
  if (isLost) {
    const why = `a pass takes ${seconds(passMs)}, more than the target of ${seconds(rpoMs)}`
    return { state: { kind: 'at-risk', why }, isPulled }
  }
  if (isDue && hindrance !== null) return { state: { kind: 'at-risk', why: hindrance }, isPulled }
  return { state: { kind: 'kept' }, isPulled }
}

/** What keeps the VM from a new point in time; null: nothing known. */
function hindranceOf(
  { rpoMs, recoveryPointAt, memberSince, passMs, passStartedAt, verdict }: RpoFacts,
  now: Date,
) {
  if (passStartedAt !== null) {
    const endMs = passStartedAt.getTime() + (passMs ?? 0)
    const isTooSlow = Math.max(now.getTime(), endMs) > (recoveryPointAt ?? memberSince).getTime() + rpoMs
    return isTooSlow ? `its pass has run since ${passStartedAt.toISOString()}` : null
  }
  if (verdict.kind === 'start') return null
  return verdict.detail === ''
    ? reasonText[verdict.reason]
    : `${reasonText[verdict.reason]}: ${verdict.detail}`
}

const seconds = (ms: number): string => `${Math.round(ms / 1000)} s`
