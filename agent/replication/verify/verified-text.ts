import { diskKey } from '../../domain/ids.js'
import { type Json } from '../../domain/json.js'
import { type VerifiedDisk } from './deps.js'

type VerifiedText =
  | {
      readonly kind: 'compared'
      readonly diskKey: string
      readonly blocks: number
      readonly differingBlocks: number
      readonly firstDifference: string | null
      readonly comparedBytes: string
      readonly leftOutBytes: string
      readonly sourceReadBytes: string
      readonly targetReadBytes: string
    }
  | { readonly kind: 'unknown'; readonly diskKey: string; readonly why: string }

/** Checked against api/worker.ts at the edge. */
export function verifiedFromText(result: Json): readonly VerifiedDisk[] {
  const { disks } = result as unknown as { readonly disks: readonly VerifiedText[] }
  return disks.map(disk => {
    if (disk.kind === 'unknown') return { ...disk, diskKey: diskKey(disk.diskKey) }
    return {
      ...disk,
      diskKey: diskKey(disk.diskKey),
      firstDifference: disk.firstDifference === null ? null : BigInt(disk.firstDifference),
      comparedBytes: BigInt(disk.comparedBytes),
      leftOutBytes: BigInt(disk.leftOutBytes),
      sourceReadBytes: BigInt(disk.sourceReadBytes),
      targetReadBytes: BigInt(disk.targetReadBytes),
    }
  })
}
