import { type Bytes } from './units.js'

/** `compare` reads both sides and moves the differences. */
export type SyncType = 'full' | 'incremental' | 'compare'

/** One disk's counters in a pass; `undefined` where the plan is not known yet. */
export interface DiskProgress {
  readonly syncType: SyncType | undefined
  readonly plannedBytes: Bytes | undefined
  readonly readBytes: Bytes
  readonly rateBytesPerSec: Bytes
}

export interface PassProgress {
  readonly syncType: SyncType | 'mixed' | undefined
  /** Undefined until every disk's plan is known: a sum over some disks would promise an end that is not there. */
  readonly plannedBytes: Bytes | undefined
  readonly movedBytes: Bytes
  readonly rateBytesPerSec: Bytes
  /** Undefined while the plan or the rate is unknown. */
  readonly etaSeconds: number | undefined
}

/** Aggregates over all disks of the pass, in bytes that have to move; disk capacity never enters. */
export function passProgress(disks: readonly DiskProgress[]): PassProgress {
  const planned = disks.map(disk => disk.plannedBytes)
  const plannedBytes = sumIfAllKnown(planned)
  const movedBytes = disks.reduce((sum, disk) => sum + disk.readBytes, 0n)
  const rateBytesPerSec = disks.reduce((sum, disk) => sum + disk.rateBytesPerSec, 0n)
  return {
    syncType: syncTypeOf(disks),
    plannedBytes,
    movedBytes,
    rateBytesPerSec,
    etaSeconds: etaSeconds(plannedBytes, movedBytes, rateBytesPerSec),
  }
}

function etaSeconds(planned: Bytes | undefined, moved: Bytes, rate: Bytes): number | undefined {
  if (planned === undefined) return undefined
  if (moved >= planned) return 0
  return rate === 0n ? undefined : Number((planned - moved + rate - 1n) / rate)
}

function sumIfAllKnown(values: readonly (Bytes | undefined)[]): Bytes | undefined {
  let sum = 0n
  for (const value of values) {
    if (value === undefined) return undefined
    sum += value
  }
  return values.length === 0 ? undefined : sum
}

function syncTypeOf(disks: readonly DiskProgress[]): PassProgress['syncType'] {
  const types = new Set(disks.map(disk => disk.syncType))
  if (types.size === 0 || types.has(undefined)) return undefined
  return types.size > 1 ? 'mixed' : [...types][0]
}
