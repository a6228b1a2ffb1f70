import { type FenceToken } from '../domain/fence.js'
import {
  type OperationId,
  type SnapshotId,
  type TargetVmId,
  type VolumeId,
  type VolumeSerial,
} from '../domain/ids.js'
import { type Bytes } from '../domain/units.js'
import { type Failure } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { type SagaClaim } from '../saga/log.js'
import { type Operation, type Outcome } from './operation.js'

/**
 * The one writer of operations and of what is recorded about volumes. Each method is one statement or one transaction; all
 * are repeatable. A database that does not answer rejects with STORE_UNAVAILABLE.
 */
export interface OperationStore {
  readonly operation: (id: OperationId) => Promise<Operation>
  /** No older operation on the same volume is unfinished. */
  readonly isFirst: (id: OperationId) => Promise<boolean>
  /** No operation on the same volume is newer. */
  readonly isNewest: (id: OperationId) => Promise<boolean>
  /** A replication job copies to the volume. */
  readonly isReplica: (volume: VolumeId) => Promise<boolean>
  /** A job or an operation of this installation gives this name to the volumes it makes. */
  readonly isOfOurs: (volumeName: string) => Promise<boolean>
  readonly begin: (id: OperationId) => Promise<void>
  readonly recordVolume: (id: OperationId, volume: VolumeId) => Promise<void>
  readonly succeed: (id: OperationId, outcome: Outcome) => Promise<void>
  readonly fail: (id: OperationId, failure: Failure) => Promise<void>
  /** What the operation made true was found changed, without an operation of ours. */
  readonly noteDrift: (id: OperationId, drift: string) => Promise<void>
  /** A token higher than any given out before; rejects with SagaClaimLost when the claim is no longer the newest. */
  readonly nextFence: (claim: SagaClaim) => Promise<FenceToken>
}

export interface CloudVolume {
  readonly id: VolumeId
  readonly name: string
  readonly sizeBytes: Bytes
  /** Undefined: attached to none. */
  readonly vmId: string | undefined
  /** Where the VM has it; 0 is the root disk. Undefined: attached to none. */
  readonly deviceId: number | undefined
  /** It carries the tag this product gives what it made. */
  readonly isOurs: boolean
}

/** Of one volume. */
export interface CloudSnapshot {
  readonly id: SnapshotId
  readonly name: string
  /** Undefined: CloudStack does not say. */
  readonly volumeId: VolumeId | undefined
  /** It carries the tag this product gives what it made. */
  readonly isOurs: boolean
}

/** Volumes, their snapshots, and VMs in CloudStack. Every method looks first and may be repeated after a crash or an unknown outcome. */
export interface CloudVolumes {
  readonly applianceVmId: () => Promise<TargetVmId>
  readonly find: (volume: VolumeId, signal: AbortSignal) => Promise<CloudVolume | undefined>
  /** All of the account, as they are now. */
  readonly all: (signal: AbortSignal) => Promise<readonly CloudVolume[]>
  readonly findByName: (name: string, signal: AbortSignal) => Promise<readonly VolumeId[]>
  readonly ofVm: (vm: TargetVmId, signal: AbortSignal) => Promise<readonly CloudVolume[]>
  readonly ensure: (name: string, sizeBytes: Bytes, signal: AbortSignal) => Promise<CloudVolume>
  /** Rejects with VOLUME_BUSY when another VM has it, or this one elsewhere. */
  readonly attachTo: (
    volume: VolumeId,
    vm: TargetVmId,
    place: 'data' | 'root',
    signal: AbortSignal,
  ) => Promise<void>
  /** Absent is detached. Rejects with VOLUME_BUSY when another VM has it. */
  readonly detachFrom: (volume: VolumeId, vm: TargetVmId, signal: AbortSignal) => Promise<void>
  readonly remove: (volume: VolumeId, signal: AbortSignal) => Promise<void>
  /** All of the account, as they are now. */
  readonly allSnapshots: (signal: AbortSignal) => Promise<readonly CloudSnapshot[]>
  /** Absent is removed. Rejects with VOLUME_NOT_OURS for what does not carry our tag. */
  readonly removeSnapshot: (snapshot: SnapshotId, signal: AbortSignal) => Promise<void>
  /** Rejects with TARGET_VM_NOT_OURS unless the VM is off already or carries our tag. */
  readonly ensureStopped: (vm: TargetVmId, signal: AbortSignal) => Promise<void>
}

export interface LocalDevice {
  readonly serial: VolumeSerial
  readonly path: string
  readonly name: string
  readonly sizeBytes: Bytes
}

export interface LocalExport {
  readonly serial: VolumeSerial
  readonly sizeBytes: Bytes
  readonly fence: FenceToken
}

/** The volume daemon. */
export interface VolumeDaemon {
  /** Ends the volume's export under this token; resolves when its writer is gone and the device has its data. */
  readonly close: (volume: VolumeId, fence: FenceToken, signal: AbortSignal) => Promise<void>
  readonly devices: (signal: AbortSignal) => Promise<{
    readonly items: readonly LocalDevice[]
    /** Devices that carry a serial and could not be proven. */
    readonly doubts: readonly { readonly serial: VolumeSerial; readonly why: string }[]
  }>
  readonly exports: (signal: AbortSignal) => Promise<readonly LocalExport[]>
  /** Persistent names are made and dropped at once, instead of within seconds. */
  readonly mendNames: (signal: AbortSignal) => Promise<unknown>
}

export interface ControllerTiming {
  /** Between two looks at a state that is waited for. */
  readonly lookMs: number
  /** A device has to be there, or gone, so long after CloudStack says so. */
  readonly deviceLimitMs: number
  /** How long an operation goes on trying while CloudStack or the daemon is away. */
  readonly patienceMs: number
  /** After which what was made true is looked at once more. */
  readonly settleMs: number
}

export interface ControllerDeps {
  readonly store: OperationStore
  readonly cloud: CloudVolumes
  readonly daemon: VolumeDaemon
  readonly timing: ControllerTiming
  readonly now: () => Date
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
  readonly logger: Logger
}
