import {
  type CloudVolumeView,
  type LocalDeviceView,
  type LocalExportView,
  type VolumeFindingView,
  type VolumeHealthView,
  type VolumeMetricsView,
  type VolumeOperationQuery,
  type VolumeOperationView,
  type VolumeStatusView,
  type VolumeSyncView,
} from '../api/volumes.js'
import { type VolumeRequest } from '../volume-controller/operation.js'

/** What an operator asks for; nothing here waits for the work itself. */
export interface OperationAdmin {
  /**
   * Records the operation and its saga; the same key with the same request finds the one recorded before. Rejects with
   * IDEMPOTENCY_KEY_REUSED, VOLUME_IN_USE or JOB_BUSY.
   */
  readonly request: (idempotencyKey: string, request: VolumeRequest) => Promise<{ readonly id: string }>
}

/** Read from the journal. */
export interface OperationViews {
  readonly operations: (query: VolumeOperationQuery) => Promise<VolumeOperationView[]>
  /** Rejects with NOT_FOUND. */
  readonly operation: (id: string) => Promise<VolumeOperationView>
  readonly metrics: () => Promise<VolumeMetricsView>
}

/** Looked at when asked: CloudStack, the volume daemon and the database side by side. */
export interface VolumeLooks {
  readonly status: (volumeId: string, signal: AbortSignal) => Promise<VolumeStatusView>
  /** Rejects with VOLUME_UNKNOWN when the volume has no device here. */
  readonly device: (volumeId: string, signal: AbortSignal) => Promise<LocalDeviceView>
  /** By the kernel's name of the device, or its persistent one. Rejects with VOLUME_UNKNOWN. */
  readonly ofDevice: (name: string, signal: AbortSignal) => Promise<CloudVolumeView>
  /** Rejects with TARGET_VM_UNKNOWN. */
  readonly ofVm: (vmId: string, signal: AbortSignal) => Promise<CloudVolumeView[]>
  readonly exports: (signal: AbortSignal) => Promise<LocalExportView[]>
  readonly health: (signal: AbortSignal) => Promise<VolumeHealthView>
}

/** What is not as it is recorded. */
export interface Orphans {
  /** As the last look found them. */
  readonly findings: () => Promise<VolumeFindingView[]>
  /** Mends the persistent names and looks at everything now. */
  readonly sync: (signal: AbortSignal) => Promise<VolumeSyncView>
  /**
   * Looks again, and records the operation that removes what is still an orphan. Rejects with NOT_FOUND, or with
   * ORPHAN_TOO_YOUNG.
   */
  readonly remove: (
    kind: 'orphan-volume' | 'orphan-export' | 'orphan-snapshot',
    subject: string,
    signal: AbortSignal,
  ) => Promise<{ readonly id: string }>
}

export interface VolumeControl {
  readonly admin: OperationAdmin
  readonly views: OperationViews
  readonly looks: VolumeLooks
  readonly orphans: Orphans
}
