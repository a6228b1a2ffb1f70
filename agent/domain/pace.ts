import { MIB, type Bytes } from './units.js'

/**
 * How gently a pass reads its VM. Level 0: as the limits allow. Each level halves the disks that move at the same time and
 * the rate.
 */
export interface Pace {
  readonly level: number
  /** In a second, all disks together; null: no limit of its own. */
  readonly bytesPerSec: Bytes | null
}

/** What the last pass of the job with a snapshot measured. Null: not known. */
export interface LastPass {
  readonly number: number
  readonly pace: Pace
  /** From asking for the snapshot to its standing, and from asking for its removal to the end of the consolidation. */
  readonly freezeSeconds: number | null
  readonly removalSeconds: number | null
  readonly bytesPerSec: Bytes | null
}

export interface PaceDecision {
  readonly pace: Pace
  /** In words for the operator; null: nothing to say. */
  readonly why: string | null
}

/** Disks of one VM that move at the same time. */
export const usualDisksAtOnce = 4

const maxLevel = 3
const slowestBytesPerSec: Bytes = MIB
const unhurried: Pace = { level: 0, bytesPerSec: null }

/**
 * A VM whose snapshot took longer than `slowSeconds` to make or to fold stood still for part of that, so its next pass loads
 * it less; after one that did not, the pass after it loads it more again.
 */
export function paceAfter(last: LastPass | undefined, slowSeconds: number): PaceDecision {
  if (last === undefined) return { pace: unhurried, why: null }
  const slow = slowWork(last, slowSeconds)
  if (slow === undefined && last.pace.level <= 1) return { pace: unhurried, why: null }
  const level = Math.min(maxLevel, last.pace.level + (slow === undefined ? -1 : 1))
  const pace = { level, bytesPerSec: slow === undefined ? faster(last.pace) : slower(last) }
  const reason = slow ?? `the snapshot of pass ${last.number} went well`
  return { pace, why: `${reason}: this pass reads ${describe(pace)}` }
}

/** How many disks move at the same time where `usual` do otherwise; never none. */
export const disksAtOnce = ({ level }: Pick<Pace, 'level'>, usual: number): number =>
  Math.max(1, usual >> level)

function slowWork({ number, freezeSeconds, removalSeconds }: LastPass, limit: number): string | undefined {
  const took = (what: string, seconds: number): string =>
    `${what} the snapshot of pass ${number} took ${Math.round(seconds)} s, more than ${limit} s`
  if (freezeSeconds !== null && freezeSeconds > limit) return took('taking', freezeSeconds)
  if (removalSeconds !== null && removalSeconds > limit) return took('removing', removalSeconds)
  return undefined
}

/** From what was reached, which may have been less than was allowed. */
function slower({ pace, bytesPerSec }: LastPass): Bytes | null {
  const from = bytesPerSec === null || bytesPerSec === 0n ? pace.bytesPerSec : bytesPerSec
  if (from === null) return null
  return from / 2n > slowestBytesPerSec ? from / 2n : slowestBytesPerSec
}

const faster = ({ bytesPerSec }: Pace): Bytes | null => (bytesPerSec === null ? null : bytesPerSec * 2n)

function describe({ level, bytesPerSec }: Pace): string {
  const part = `1/${2 ** level} of the disks at a time`
  return bytesPerSec === null ? part : `${part}, at most ${bytesPerSec / MIB} MiB/s`
}
