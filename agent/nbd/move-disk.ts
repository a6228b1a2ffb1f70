import { startCopy } from '../../native/copy.js'
import { type ConnectTarget, type CopyCounters, type CopyResult } from '../../native/types.js'
import { endOf } from '../domain/extent.js'
import { readProof, type ReadProof } from '../domain/read-proof.js'
import { MIB, type Bytes } from '../domain/units.js'
import { asAppError } from './failure.js'
import { type DiskPlan } from './plan-disk.js'
import { unsteered } from './steered-copy.js'

/** What has moved so far. Bytes. */
export interface MoveCounters {
  /** Of the plan, counted once. */
  readonly readBytes: Bytes
  /** What reached the target, also what did so a second time. */
  readonly writtenBytes: Bytes
  readonly zeroedBytes: Bytes
  readonly skippedBytes: Bytes
  /** Read by an earlier try of this copy and not durable when that broke. */
  readonly sentAgainBytes: Bytes
  readonly retriedRequests: number
  readonly rateBytesPerSec: Bytes
  /** Below this offset everything planned is durable. */
  readonly durableBelow: Bytes
  /** Of the pages below it; it counts where the whole plan is one copy. */
  readonly durableSum: bigint
}

export interface MovedDisk extends MoveCounters {
  readonly seconds: number
  readonly fallbacks: readonly string[]
  /** False where the target's server has no flush: then nothing says that the bytes are durable. */
  readonly flushed: boolean
  /** Of what was read of the source; null where both sides were read and only differences sent. */
  readonly readProof: ReadProof | null
}

/** What earlier tries of this copy counted and this one does not count again. */
export type Carried = Pick<
  MoveCounters,
  'writtenBytes' | 'zeroedBytes' | 'skippedBytes' | 'sentAgainBytes' | 'retriedRequests'
>

export const nothingCarried: Carried = {
  writtenBytes: 0n,
  zeroedBytes: 0n,
  skippedBytes: 0n,
  sentAgainBytes: 0n,
  retriedRequests: 0,
}

/** How far a copy may get before its next durable mark, where the target can flush that often. */
const markStepBytes: Bytes = 16n * MIB
const shortestMarkMs = 250
const longestMarkMs = 10_000
const progressIntervalMs = 250

/** Without a limit the rate is not known beforehand: then as often as a target is flushed at the most. */
export function markIntervalMs(bytesPerSecond: Bytes | undefined): number {
  if (bytesPerSecond === undefined || bytesPerSecond === 0n) return shortestMarkMs
  const stepMs = Number((markStepBytes * 1000n) / bytesPerSecond)
  return Math.min(longestMarkMs, Math.max(shortestMarkMs, stepMs))
}

/**
 * Moves what was planned, from the plan's mark on, and flushes the target. Rejects with SOURCE_READ_FAILED,
 * TARGET_WRITE_FAILED, TARGET_FULL, TARGET_FLUSH_FAILED, NBD_UNREACHABLE, TARGET_VOLUME_TOO_SMALL, or the signal's reason;
 * the target then holds an unknown mixture inside the planned extents above the newest mark only.
 */
export async function moveDisk(
  disk: string,
  ends: { readonly source: ConnectTarget; readonly target: ConnectTarget },
  plan: DiskPlan,
  carried: Carried,
  signal: AbortSignal,
  onProgress: (counters: MoveCounters) => void,
  steer = unsteered,
): Promise<MovedDisk> {
  const { resumeFrom } = plan
  const rest = plan.parts.filter(part => part.extents.some(extent => endOf(extent) > resumeFrom))
  let done: MoveCounters = {
    ...carried,
    readBytes: plan.resumedBytes,
    rateBytesPerSec: 0n,
    durableBelow: resumeFrom,
    durableSum: plan.resumeSum,
  }
  const isOneCopy = plan.parts.length === 1 && plan.parts[0]?.mode === 'copy'
  const results: CopyResult[] = []
  try {
    // Nothing left to move is flushed once more all the same: that is what the commit asks for.
    for (const { mode, extents } of rest.length > 0 ? rest : plan.parts.slice(-1)) {
      const before = done
      const { copy, release } = steer(bytesPerSecond =>
        startCopy({
          ...ends,
          extents,
          mode,
          targetIsZero: false,
          allocationMap: plan.readsMap ? 'always' : 'never',
          resumeFrom,
          ...(isOneCopy ? { sumsPages: true, resumeSum: plan.resumeSum } : {}),
          ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
          markIntervalMs: markIntervalMs(bytesPerSecond),
          progressIntervalMs,
          signal,
          onProgress: counters => onProgress(sum(before, counters, counters.rateBytesPerSec)),
        }),
      )
      const result = await copy.result.finally(release)
      results.push(result)
      done = sum(before, result, 0n)
    }
  } catch (cause) {
    throw asAppError(disk, cause, signal)
  }
  const seconds = results.reduce((total, result) => total + result.seconds, 0)
  const moved = done.readBytes - plan.resumedBytes
  return {
    ...done,
    rateBytesPerSec: (moved * 1000n) / BigInt(Math.max(1, Math.round(seconds * 1000))),
    seconds,
    fallbacks: [...new Set(results.flatMap(result => result.fallbacks))],
    flushed: results.every(result => result.flushedConnections === result.connections),
    readProof: isOneCopy ? proofOf(plan, results) : null,
  }
}

function proofOf(plan: DiskPlan, [result]: readonly CopyResult[]): ReadProof | null {
  if (result?.pageSum === undefined) return null
  return readProof(
    plan.parts.flatMap(part => part.extents),
    result.pageSum,
  )
}

const sum = (before: MoveCounters, more: CopyCounters, rateBytesPerSec: Bytes): MoveCounters => ({
  readBytes: before.readBytes + more.readBytes,
  writtenBytes: before.writtenBytes + more.writtenBytes,
  zeroedBytes: before.zeroedBytes + more.zeroedBytes,
  skippedBytes: before.skippedBytes + more.skippedBytes,
  sentAgainBytes: before.sentAgainBytes,
  retriedRequests: before.retriedRequests + more.retriedRequests,
  rateBytesPerSec,
  // A part begins at the mark its copy was given, which is not above the one reached before it.
  ...(before.durableBelow > more.durableBelow
    ? { durableBelow: before.durableBelow, durableSum: before.durableSum }
    : { durableBelow: more.durableBelow, durableSum: more.durableSum }),
})
