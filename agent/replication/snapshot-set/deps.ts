import { type SnapshotId, type SnapshotSetId, type VolumeId } from '../../domain/ids.js'
import { type Logger } from '../../log/logger.js'

/** `reverting` and `reverted` still hold the snapshots; `cleared` holds none. */
export type SnapshotSetState = 'taking' | 'ready' | 'reverting' | 'reverted' | 'cleared' | 'failed'

export interface SetMember {
  readonly volumeId: VolumeId
  /** Null until it is usable, and again when it was removed. */
  readonly snapshotId: SnapshotId | null
  /** What the volume held; null until it was taken. */
  readonly proof: string | null
}

/** One row for each snapshot. Each method is one statement or one transaction, and repeatable. */
export interface SnapshotSetStore {
  readonly members: (set: SnapshotSetId) => Promise<readonly SetMember[]>
  /** In `to` already counts as moved; any other state than those of `from` is a bug. */
  readonly advance: (
    set: SnapshotSetId,
    from: readonly SnapshotSetState[],
    to: SnapshotSetState,
  ) => Promise<void>
  readonly recordSnapshot: (
    set: SnapshotSetId,
    volume: VolumeId,
    taken: { readonly snapshotId: SnapshotId; readonly proof: string },
  ) => Promise<void>
  /** The snapshot is gone in CloudStack. */
  readonly forgetSnapshot: (set: SnapshotSetId, volume: VolumeId) => Promise<void>
}

/** Snapshots in CloudStack. */
export interface TargetSnapshots {
  readonly ensure: (name: string, volume: VolumeId, signal: AbortSignal) => Promise<SnapshotId>
  readonly findByName: (name: string, volume: VolumeId, signal: AbortSignal) => Promise<readonly SnapshotId[]>
  readonly revert: (snapshot: SnapshotId, volume: VolumeId, signal: AbortSignal) => Promise<void>
  readonly remove: (snapshot: SnapshotId, signal: AbortSignal) => Promise<void>
}

export interface SnapshotSetDeps {
  readonly store: SnapshotSetStore
  readonly target: TargetSnapshots
  /** A text that is the same exactly when the volume's content is; nobody may write to the volume meanwhile. */
  readonly proofOf: (volume: VolumeId, signal: AbortSignal) => Promise<string>
  readonly logger: Logger
}
