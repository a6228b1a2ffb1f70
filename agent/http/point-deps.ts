import {
  type OpenedPointView,
  type PointExportList,
  type PointList,
  type PointPolicyView,
  type PointView,
  type RestoreView,
  type StartRestore,
} from '../api/points.js'

/** Recovery points as operators see and change them; rejects with NOT_FOUND for what there is not. */
export interface PointAdmin {
  readonly list: (jobId: string) => Promise<PointList>
  readonly one: (id: string) => Promise<PointView>
  /** Of every job. */
  readonly ofRound: (roundId: string) => Promise<PointView[]>
  readonly policy: (jobId: string) => Promise<PointPolicyView>
  /** Holds from the next pass on, or the next look at the points. */
  readonly changePolicy: (jobId: string, policy: PointPolicyView) => Promise<void>
  readonly pin: (id: string, pinned: boolean) => Promise<void>
  /** Its undo goes when no other point needs it. Rejects with POINT_UNUSABLE unless it is kept through undo. */
  readonly remove: (id: string) => Promise<void>
  /** Records it; the saga runner takes it up. Rejects with POINT_UNUSABLE or JOB_BUSY. */
  readonly startRestore: (pointId: string, wanted: StartRestore) => Promise<string>
  readonly restore: (id: string) => Promise<RestoreView>
}

/** Points as read-only disks. */
export interface PointDisks {
  /** Rejects with NOT_FOUND, POINT_UNUSABLE, UNDO_LOST or VOLUME_UNKNOWN. */
  readonly open: (pointId: string, leaseSeconds: number, signal: AbortSignal) => Promise<OpenedPointView>
  /** Absent is closed. */
  readonly close: (exportId: string, signal: AbortSignal) => Promise<void>
  readonly list: (signal: AbortSignal) => Promise<PointExportList['items']>
}

export interface PointControl {
  readonly admin: PointAdmin
  readonly disks: PointDisks
}
