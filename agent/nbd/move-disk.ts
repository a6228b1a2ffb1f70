import { startCopy } from '../../native/copy.js'
import { NbdError } from '../../native/errors.js'
import { openNbd } from '../../native/handle.js'
import { type ConnectTarget, type CopyExtent, type CopyResult } from '../../native/types.js'
import { coalesce, totalLength, type Extent } from '../domain/extent.js'
import { type SyncType } from '../domain/progress.js'
import { KIB, type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { unsteered } from './steered-copy.js'

/** CBT's own grain: neighbours join into larger requests, and every server takes them aligned. */
const grainBytes: Bytes = 64n * KIB

export interface DiskPlan {
  readonly syncType: SyncType
  readonly extents: readonly Extent[]
  /** What will be read: the extents without what the source's map calls zero. */
  readonly plannedBytes: Bytes
  readonly capacityBytes: Bytes
}

export interface MovedDisk {
  readonly readBytes: Bytes
  readonly writtenBytes: Bytes
  readonly zeroedBytes: Bytes
  readonly skippedBytes: Bytes
  readonly retriedRequests: number
  readonly rateBytesPerSec: Bytes
  readonly seconds: number
  readonly fallbacks: readonly string[]
  /** False where the target's server has no flush: then nothing says that the bytes are durable. */
  readonly flushed: boolean
}

/**
 * What one disk has to move, known before anything does. `changed` undefined means everything. Without an allocation map
 * every byte of the extents is planned. Rejects with SOURCE_READ_FAILED or the signal's reason.
 */
export async function planDisk(
  disk: string,
  source: ConnectTarget,
  changed: readonly Extent[] | undefined,
  signal: AbortSignal,
): Promise<DiskPlan> {
  try {
    const handle = await openNbd(source, { signal })
    try {
      const capacityBytes = handle.info.sizeBytes
      const extents = coalesce(changed ?? [{ offset: 0n, length: capacityBytes }], grainBytes, capacityBytes)
      let plannedBytes = 0n
      for (const extent of extents) {
        const map = await handle.blockStatus(extent.offset, extent.length, { signal })
        plannedBytes += map === undefined ? extent.length : totalLength(map.filter(range => !range.zero))
      }
      return {
        syncType: changed === undefined ? 'full' : 'incremental',
        extents,
        plannedBytes,
        capacityBytes,
      }
    } finally {
      handle.close()
    }
  } catch (cause) {
    throw asAppError(disk, cause, signal)
  }
}

/**
 * Moves what was planned and flushes the target. Rejects with SOURCE_READ_FAILED, TARGET_WRITE_FAILED, TARGET_FULL,
 * TARGET_FLUSH_FAILED, NBD_UNREACHABLE, TARGET_VOLUME_TOO_SMALL, or the signal's reason; the target then holds an unknown
 * mixture inside the planned extents only.
 */
export async function moveDisk(
  disk: string,
  ends: { readonly source: ConnectTarget; readonly target: ConnectTarget },
  plan: DiskPlan,
  signal: AbortSignal,
  onProgress: (counters: Omit<MovedDisk, 'seconds' | 'fallbacks' | 'flushed'>) => void,
  steer = unsteered,
): Promise<MovedDisk> {
  try {
    const extents: readonly CopyExtent[] = plan.extents
    const request = { ...ends, extents, targetIsZero: false, signal, onProgress }
    const { copy, release } = steer(bytesPerSecond =>
      startCopy(bytesPerSecond === undefined ? request : { ...request, bytesPerSecond }),
    )
    try {
      return movedDisk(await copy.result)
    } finally {
      release()
    }
  } catch (cause) {
    throw asAppError(disk, cause, signal)
  }
}

function movedDisk(result: CopyResult): MovedDisk {
  const { readBytes, writtenBytes, zeroedBytes, skippedBytes, retriedRequests, seconds, fallbacks } = result
  const rateBytesPerSec = (readBytes * 1000n) / BigInt(Math.max(1, Math.round(seconds * 1000)))
  const flushed = result.flushedConnections === result.connections
  return {
    readBytes,
    writtenBytes,
    zeroedBytes,
    skippedBytes,
    retriedRequests,
    rateBytesPerSec,
    seconds,
    fallbacks,
    flushed,
  }
}

function asAppError(disk: string, cause: unknown, signal: AbortSignal): unknown {
  if (signal.aborted || !(cause instanceof NbdError)) return cause
  const where = cause.length === 0n ? '' : ` at ${cause.offset}+${cause.length}`
  const attempt = `disk ${disk}${where}: ${cause.errno}`
  if (cause.side !== 'target') return new AppError('SOURCE_READ_FAILED', attempt, cause)
  switch (cause.op) {
    case 'nbd_flush':
      return new AppError('TARGET_FLUSH_FAILED', attempt, cause)
    case 'nbd_connect':
      return new AppError('NBD_UNREACHABLE', attempt, cause)
    case 'copy':
      return new AppError('TARGET_VOLUME_TOO_SMALL', attempt, cause)
    default:
      return new AppError(cause.errno === 'ENOSPC' ? 'TARGET_FULL' : 'TARGET_WRITE_FAILED', attempt, cause)
  }
}
