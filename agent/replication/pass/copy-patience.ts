import { type DiskKey } from '../../domain/ids.js'
import { type Bytes } from '../../domain/units.js'
import { AppError, type ErrorCode } from '../../errors.js'
import { type BrokenCopy, type BrokenDisk } from '../deps.js'

/** What may be over at the next try: the snapshot stands, and what is durable on the volumes stays so. */
const outages: ReadonlySet<ErrorCode> = new Set([
  'WORKER_LOST',
  'WORKER_ABSENT',
  'NBD_UNREACHABLE',
  'VOLUMED_UNREACHABLE',
  'VSPHERE_UNREACHABLE',
])

/** A place of a disk that cannot be read stays so: that is not worth the whole patience. */
const maxFailedReads = 3
/** Of one pass, however far each gets. */
const maxTries = 100
const firstDelayMs = 1000
const longestDelayMs = 30_000

export type Verdict = { readonly kind: 'again'; readonly afterMs: number } | { readonly kind: 'give-up' }

/**
 * Whether a copy that broke with `error` is tried again. `broken`: all tries so far, oldest first. The patience begins anew
 * with each try that got further than all before it.
 */
export function verdictOn(
  error: unknown,
  broken: readonly BrokenCopy[],
  now: Date,
  patienceMs: number,
): Verdict {
  if (!(error instanceof AppError) || broken.length >= maxTries) return { kind: 'give-up' }
  const isOutage = outages.has(error.code)
  if (!isOutage && error.code !== 'SOURCE_READ_FAILED') return { kind: 'give-up' }
  const stalled = stalledTries(broken)
  if (!isOutage && stalled >= maxFailedReads) return { kind: 'give-up' }
  const furthest = broken.at(-1 - stalled)
  // An error that is not of any try has no end of its own either.
  if (furthest === undefined) return { kind: 'give-up' }
  if (now.getTime() - furthest.endedAt.getTime() > patienceMs) return { kind: 'give-up' }
  return { kind: 'again', afterMs: Math.min(longestDelayMs, firstDelayMs * 2 ** Math.min(stalled, 10)) }
}

/** How many of the newest tries got no further than one before them; the first try always got somewhere. */
function stalledTries(broken: readonly BrokenCopy[]): number {
  let furthest = -1n
  let stalled = 0
  for (let count = 1; count <= broken.length; count += 1) {
    const durable = [...earlierCopies(broken.slice(0, count)).values()].reduce(sumDurable, 0n)
    stalled = durable > furthest ? 0 : stalled + 1
    if (durable > furthest) furthest = durable
  }
  return stalled
}

const sumDurable = (sum: Bytes, disk: BrokenDisk): Bytes => sum + disk.durableBelow

/** What was reported last of each disk. A try that broke before it came to a disk takes nothing from it. */
export function earlierCopies(broken: readonly BrokenCopy[]): ReadonlyMap<DiskKey, BrokenDisk> {
  return new Map(broken.flatMap(copy => copy.disks.map(disk => [disk.diskKey, disk] as const)))
}
