import { type ChangeId, type VolumeId } from './ids.js'
import { type Bytes } from './units.js'

/** How a pass begins with one disk. */
export type DiskStart =
  /** Everything is copied: the volume holds nothing of this disk yet. `why`: what will keep later passes from being smaller. */
  | { readonly kind: 'full'; readonly why: string | null }
  /** What changed since is copied; everything is compared where vSphere cannot tell. */
  | { readonly kind: 'changes'; readonly since: ChangeId }
  /** The first `heldBytes` are read on both sides and the differences sent; what lies behind them is copied. */
  | { readonly kind: 'compare'; readonly why: string; readonly heldBytes: Bytes }

/** What a committed pass left on a volume. */
export interface HeldCopy {
  readonly volumeId: VolumeId
  /** The disk's capacity then; the volume behind it holds nothing known. */
  readonly bytes: Bytes
}

interface StartingDisk {
  readonly capacityBytes: Bytes
  readonly volumeId: VolumeId | null
  readonly held: HeldCopy | null
  readonly changeId: ChangeId | null
  /** Why the change ID was dropped. */
  readonly fullReason: string | null
}

/**
 * `untracked`: why the changes of no disk can be told at this snapshot; null: they can. A disk whose copy is on its volume
 * is never copied whole again, and one that is looked at as a whole always says why.
 */
export function diskStart(disk: StartingDisk, untracked: string | null): DiskStart {
  const { held, capacityBytes, changeId } = disk
  if (held === null || held.volumeId !== disk.volumeId) return { kind: 'full', why: untracked }
  const compare = (why: string): DiskStart => ({ kind: 'compare', why, heldBytes: held.bytes })
  if (held.bytes !== capacityBytes)
    return compare(`the disk grew from ${held.bytes} to ${capacityBytes} bytes since the last recovery point`)
  if (untracked !== null) return compare(untracked)
  if (changeId !== null) return { kind: 'changes', since: changeId }
  return compare(disk.fullReason ?? 'the last recovery point has no change ID of this disk')
}
