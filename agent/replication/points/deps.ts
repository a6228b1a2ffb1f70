import { type FenceToken } from '../../domain/fence.js'
import {
  type DiskKey,
  type JobId,
  type LayerId,
  type PassId,
  type PointId,
  type VolumeId,
  type VolumeSerial,
} from '../../domain/ids.js'
import { type PointPolicy, type UndoLayer } from '../../domain/points.js'
import { type Bytes } from '../../domain/units.js'
import { type Failure } from '../../errors.js'

export interface PointDisk {
  readonly diskKey: DiskKey
  readonly volumeId: VolumeId
  /** Of the disk at that point; its volume may be larger. */
  readonly sizeBytes: Bytes
}

/** A point that can be used: on its volumes, or read through undo. */
export interface UsablePoint {
  readonly id: PointId
  readonly passId: PassId
  readonly at: Date
  readonly state: 'on-volume' | 'kept'
  readonly pinned: boolean
  /** The newest writing when it was on its volumes. */
  readonly position: number
  readonly disks: readonly PointDisk[]
}

export interface SavedVolume {
  readonly volumeId: VolumeId
  readonly bytes: Bytes
}

/** A writing whose undo is kept. */
export interface KeptLayer extends UndoLayer {
  readonly bytes: Bytes
  readonly volumes: readonly SavedVolume[]
}

export interface Journal {
  readonly policy: PointPolicy
  /** By position, the oldest first. */
  readonly points: readonly UsablePoint[]
  readonly layers: readonly KeptLayer[]
}

/** `saving`: nothing is overwritten yet. `none`: overwritten without undo. `gone`: no point needs the undo any more. */
export interface Writing {
  readonly id: LayerId
  readonly seq: number
  readonly state: 'saving' | 'sealed' | 'none' | 'gone'
}

export interface Leaving {
  readonly id: PointId
  readonly state: 'expired' | 'deleted' | 'lost'
  /** In words. */
  readonly why: string
}

/** The one writer of points. Each method is one transaction, and may be repeated after a crash. */
export interface PointStore {
  readonly journal: (job: JobId) => Promise<Journal>
  /** Rejects with NOT_FOUND. */
  readonly jobOf: (point: PointId) => Promise<JobId>
  /** Records that the volumes of the job will be overwritten; finds the writing of this id that is recorded. */
  readonly beginWriting: (job: JobId, id: LayerId, kind: 'pass' | 'restore') => Promise<Writing>
  /** What was on the volumes is read through the undo from now on, which is durable on all of them. */
  readonly sealWriting: (id: LayerId, volumes: readonly SavedVolume[]) => Promise<void>
  /** The volumes are overwritten without undo: no point of the job can be used any more. Gives how many there were. */
  readonly giveUpPoints: (id: LayerId, state: 'expired' | 'lost', why: string) => Promise<number>
  /** Nothing was overwritten, and nothing will be. */
  readonly abandonWriting: (id: LayerId) => Promise<void>
  /** The same for the points that were on the volumes after the writing `position`; older ones do not need this undo. */
  readonly giveUpNewer: (id: LayerId, position: number, why: string) => Promise<number>
  /** The pass is on the volumes as a whole, or lost where the job says that they are a mixture. */
  readonly passWritten: (pass: PassId) => Promise<void>
  /** Points that have left already stay as they are, and one that is being restored. */
  readonly leave: (points: readonly Leaving[]) => Promise<void>
  /** Their undo is needed by no point; their files may go. */
  readonly dropLayers: (ids: readonly LayerId[]) => Promise<void>
  readonly restore: (id: LayerId) => Promise<RestoreOrder>
  readonly restoreDone: (id: LayerId, writtenBytes: Bytes) => Promise<void>
  readonly restoreFailed: (id: LayerId, failure: Failure) => Promise<void>
  /** Of all jobs. */
  readonly writings: () => Promise<readonly RecordedWriting[]>
}

export interface RecordedWriting extends Writing {
  /** Null: the job is gone. */
  readonly jobId: JobId | null
}

export interface RestoreOrder {
  readonly id: LayerId
  readonly jobId: JobId
  readonly pointId: PointId
  /** `drop` gives newer points up where there is no room for what is overwritten. */
  readonly newerPoints: 'keep' | 'drop'
}

export type WorkState = { readonly kind: 'running' } | { readonly kind: 'done'; readonly bytes: Bytes }

export interface PlaceOnVolume {
  readonly position: number
  readonly expected: readonly LayerId[]
  readonly sizeBytes: Bytes
}

export interface OpenedPoint {
  readonly socket: string
  readonly exportName: string
  readonly leaseUntil: Date
}

export interface PointExport {
  readonly exportId: string
  readonly pointId: PointId
  readonly volumeSerial: VolumeSerial
  readonly leaseUntil: Date
}

export interface LayerFile {
  readonly volumeSerial: VolumeSerial
  readonly seq: number
  readonly layer: LayerId
  readonly bytes: Bytes
}

/** The volume daemon's part. Whatever may take long is asked for again until it is done. */
export interface PointDaemon {
  /** Saves what the staged pass or the restore is about to overwrite. Rejects with UNDO_FULL; the volume is only read. */
  readonly save: (
    volume: VolumeId,
    writing: Writing,
    what: { readonly kind: 'pass'; readonly pass: PassId } | ({ readonly kind: 'point' } & PlaceOnVolume),
    fence: FenceToken,
    signal: AbortSignal,
  ) => Promise<WorkState>
  /** Brings the volume back to a point. `kept`: the writing has saved what is overwritten. */
  readonly restore: (
    volume: VolumeId,
    writing: Writing,
    place: PlaceOnVolume & { readonly kept: boolean },
    fence: FenceToken,
    signal: AbortSignal,
  ) => Promise<WorkState>
  /** Removes all undo of the volume, and cuts off who reads its points. */
  readonly forget: (volume: VolumeId, fence: FenceToken, signal: AbortSignal) => Promise<void>
  /** Absent is removed. Who reads through the layer is cut off. */
  readonly remove: (serial: VolumeSerial, layer: UndoLayer, signal: AbortSignal) => Promise<void>
  readonly undo: (
    signal: AbortSignal,
  ) => Promise<{ readonly freeBytes: Bytes; readonly layers: readonly LayerFile[] }>
  readonly open: (
    volume: VolumeId,
    order: PlaceOnVolume & {
      readonly exportId: string
      readonly pointId: PointId
      readonly leaseSeconds: number
    },
    signal: AbortSignal,
  ) => Promise<OpenedPoint>
  readonly close: (serial: VolumeSerial, exportId: string, signal: AbortSignal) => Promise<void>
  readonly exports: (signal: AbortSignal) => Promise<readonly PointExport[]>
}
