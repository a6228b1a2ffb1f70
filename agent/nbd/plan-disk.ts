import { createHash } from 'node:crypto'
import { openNbd } from '../../native/handle.js'
import { type AllocationExtent, type ConnectTarget } from '../../native/types.js'
import { coalesce, endOf, totalLength, type Extent } from '../domain/extent.js'
import { type SyncType } from '../domain/progress.js'
import { KIB, roundDown, type Bytes } from '../domain/units.js'
import { asAppError } from './failure.js'

/**
 * CBT's own grain: changes less than this apart become one extent, so that requests are larger and every server takes them
 * aligned.
 */
const grainBytes: Bytes = 64n * KIB

/** Extents that are no longer than this on average are read without asking what is zero in them. */
const smallExtentBytes: Bytes = 512n * KIB

/** What of a disk has to be looked at. */
export type Wanted =
  | { readonly kind: 'everything' }
  | { readonly kind: 'changes'; readonly areas: readonly Extent[] }
  /** The first `heldBytes` are on the target from an earlier copy, as far as they did not change. */
  | { readonly kind: 'compare'; readonly heldBytes: Bytes }

export interface PlannedPart {
  readonly mode: 'copy' | 'compare'
  readonly extents: readonly Extent[]
}

/** Where an earlier try of the same copy stood: below the mark everything its basis asked for was flushed. */
export interface DurableMark {
  readonly below: Bytes
  readonly basis: string
  /** Of the pages below it. */
  readonly pageSum: bigint
}

export interface DiskPlan {
  readonly syncType: SyncType
  /** In disk order, at least one; only that of a disk without changes has no extents. */
  readonly parts: readonly PlannedPart[]
  /** False where the changes are too small for the source's map to be worth its questions: then all of them is read. */
  readonly readsMap: boolean
  /** What will be read of the source: the extents, without what its map calls zero where that is read. */
  readonly plannedBytes: Bytes
  readonly capacityBytes: Bytes
  /** Names what is read and which parts of it: a mark counts for a plan with its own basis only. */
  readonly basis: string
  /** Below this offset everything planned is on the target already; 0 when no mark counts. */
  readonly resumeFrom: Bytes
  readonly resumeSum: bigint
  /** The share of `plannedBytes` below it. */
  readonly resumedBytes: Bytes
}

/**
 * What one disk has to move, known before anything does. `identity` names the frozen content of the source. Without an
 * allocation map every byte of the extents is planned. Rejects with SOURCE_READ_FAILED or the signal's reason.
 */
export async function planDisk(
  disk: string,
  source: ConnectTarget,
  request: { readonly wanted: Wanted; readonly identity: string; readonly mark: DurableMark | null },
  signal: AbortSignal,
): Promise<DiskPlan> {
  const { wanted, identity, mark } = request
  try {
    const handle = await openNbd(source, { signal })
    try {
      const capacityBytes = handle.info.sizeBytes
      const parts = partsOf(wanted, capacityBytes)
      const basis = basisOf(identity, parts)
      const known = mark?.basis === basis ? mark : null
      const resumeFrom = known?.below ?? 0n
      const resumeSum = known?.pageSum ?? 0n
      let plannedBytes = 0n
      let resumedBytes = 0n
      const extents = parts.flatMap(part => part.extents)
      const readsMap = totalLength(extents) > BigInt(extents.length) * smallExtentBytes
      for (const extent of extents) {
        const map = readsMap ? await handle.blockStatus(extent.offset, extent.length, { signal }) : undefined
        const data = map === undefined ? [extent] : map.filter(range => !range.zero)
        plannedBytes += totalLength(data)
        resumedBytes += lengthBelow(data, resumeFrom)
      }
      return {
        syncType: syncTypes[wanted.kind],
        parts,
        readsMap,
        plannedBytes,
        capacityBytes,
        basis,
        resumeFrom,
        resumeSum,
        resumedBytes,
      }
    } finally {
      handle.close()
    }
  } catch (cause) {
    throw asAppError(disk, cause, signal)
  }
}

const syncTypes = { everything: 'full', changes: 'incremental', compare: 'compare' } as const

/** In disk order, at least one unless the disk is empty. */
export function partsOf(wanted: Wanted, capacityBytes: Bytes): readonly PlannedPart[] {
  const between = (from: Bytes, until: Bytes): readonly Extent[] =>
    until > from ? [{ offset: from, length: until - from }] : []
  switch (wanted.kind) {
    case 'everything':
      return [{ mode: 'copy', extents: between(0n, capacityBytes) }]
    case 'changes':
      return [{ mode: 'copy', extents: coalesce(wanted.areas, grainBytes, capacityBytes) }]
    case 'compare': {
      const { heldBytes } = wanted
      const held = heldBytes >= capacityBytes ? capacityBytes : roundDown(heldBytes, grainBytes)
      const parts: readonly PlannedPart[] = [
        { mode: 'compare', extents: between(0n, held) },
        { mode: 'copy', extents: between(held, capacityBytes) },
      ]
      return parts.filter(part => part.extents.length > 0)
    }
  }
}

function basisOf(identity: string, parts: readonly PlannedPart[]): string {
  const hash = createHash('sha256').update(JSON.stringify(identity))
  for (const { mode, extents } of parts) {
    hash.update(`\n${mode}`)
    for (const { offset, length } of extents) hash.update(` ${offset}+${length}`)
  }
  return hash.digest('hex')
}

const lengthBelow = (ranges: readonly (Extent | AllocationExtent)[], mark: Bytes): Bytes =>
  ranges.reduce((sum, range) => {
    if (endOf(range) <= mark) return sum + range.length
    return range.offset < mark ? sum + mark - range.offset : sum
  }, 0n)
