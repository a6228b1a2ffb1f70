import { type FailoverKind, type FailoverOptions, type FailoverState } from '../domain/failover.js'
import { type FenceToken } from '../domain/fence.js'
import { type Hardware } from '../domain/hardware.js'
import {
  type DiskKey,
  type FailoverId,
  type JobId,
  type PassId,
  type SnapshotId,
  type SourceVmId,
  type TargetVmId,
  type VolumeId,
} from '../domain/ids.js'
import { type NicMapping, type TargetNetwork } from '../domain/network-mapping.js'
import { type Bytes } from '../domain/units.js'
import { type Failure } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { type SagaClaim } from '../saga/log.js'
import { type Blueprint } from './blueprint.js'

export interface FailoverDisk {
  readonly diskKey: DiskKey
  readonly label: string
  readonly capacityBytes: Bytes
  /** The replica. */
  readonly volumeId: VolumeId
  /** Of a test; null until it is usable and again when it is gone. */
  readonly snapshotId: SnapshotId | null
  readonly cloneId: VolumeId | null
}

export interface Failover {
  readonly id: FailoverId
  readonly kind: FailoverKind
  readonly state: FailoverState
  readonly jobId: JobId
  readonly sourceVmId: SourceVmId
  readonly vmName: string
  readonly options: FailoverOptions
  /** What the target is made like; null until the preflight of the run has resolved it. */
  readonly blueprint: Blueprint | null
  readonly targetVmId: TargetVmId | null
  /** The disk the template gave the target, which goes; null until it was looked for. */
  readonly templateRootId: VolumeId | null
  /** Whether this failover found the source on and switches it off; null: it did not come so far. */
  readonly sourceWasOn: boolean | null
  /** Since then the replicas may be attached to a VM that can run; null: they never were. */
  readonly exposedAt: Date | null
  /** In the order of the target, its root first; empty until they were recorded. */
  readonly disks: readonly FailoverDisk[]
}

/** Whether the volumes hold exactly what the newest recovery point of the job held. */
export type PointState =
  | { readonly kind: 'applied'; readonly passId: PassId; readonly at: Date }
  /** It is committed and about to be brought to the volumes. */
  | { readonly kind: 'pending'; readonly what: string }
  | { readonly kind: 'none' }
  | { readonly kind: 'unusable'; readonly why: string }

export interface Points {
  readonly state: (job: JobId) => Promise<PointState>
}

export type PassEnd =
  | { readonly kind: 'running' }
  | { readonly kind: 'committed' }
  | { readonly kind: 'failed'; readonly failure: Failure }
  /** Nothing moves any more, and what it left could not be removed. */
  | { readonly kind: 'stuck'; readonly isCommitted: boolean; readonly failure: Failure }

export interface BootEvidence {
  readonly state: string
  /** For how long the VM was seen running without a break. */
  readonly observedSeconds: number
  readonly addresses: readonly string[]
}

/**
 * The one writer of failovers. Each method is one statement or one transaction; all are repeatable. A database that does not
 * answer rejects with STORE_UNAVAILABLE.
 */
export interface FailoverStore {
  readonly failover: (id: FailoverId) => Promise<Failover>
  readonly begin: (id: FailoverId) => Promise<void>
  /** What else works on the replicas, in words; null: nothing does. None can begin while the failover holds them. */
  readonly otherWork: (id: FailoverId) => Promise<string | null>
  /** Wishes the end of all passes of the job; the caller tells the runner. */
  readonly endPasses: (id: FailoverId) => Promise<readonly { readonly sagaId: string }[]>
  /** Newest hardware of the source and the disks of the job; undefined: no pass has seen it. */
  readonly source: (id: { readonly jobId: JobId; readonly sourceVmId: SourceVmId }) => Promise<SourceFacts>
  readonly networks: (vm: SourceVmId) => Promise<{
    readonly mappings: readonly NicMapping[]
    readonly liveNetworks: ReadonlyMap<string, readonly string[]>
  }>
  readonly recordBlueprint: (id: FailoverId, blueprint: Blueprint) => Promise<void>
  /** The point the target is made of; once recorded it stays. */
  readonly recordPoint: (
    id: FailoverId,
    point: { readonly passId: PassId; readonly at: Date },
  ) => Promise<void>
  readonly recordSnapshot: (id: FailoverId, disk: DiskKey, snapshot: SnapshotId | null) => Promise<void>
  readonly recordClone: (id: FailoverId, disk: DiskKey, clone: VolumeId | null) => Promise<void>
  /** Passes may run again: what was to be read of the replicas was read. */
  readonly releaseReplicas: (id: FailoverId) => Promise<void>
  readonly recordTarget: (id: FailoverId, vm: TargetVmId | null) => Promise<void>
  readonly recordTemplateRoot: (id: FailoverId, volume: VolumeId) => Promise<void>
  /** The first word stays. */
  readonly recordSourcePower: (id: FailoverId, wasOn: boolean) => Promise<void>
  readonly recordSourceOff: (id: FailoverId) => Promise<void>
  /** The replicas are about to be attached to a VM that can run. */
  readonly expose: (id: FailoverId) => Promise<void>
  /**
   * That VM is about to run: what it writes is in no change ID, so the next pass compares, and the recovery point is no
   * longer what the volumes hold.
   */
  readonly diverge: (id: FailoverId) => Promise<void>
  /** The VM is up; the failover waits for the operator, or for the end of the test. */
  readonly open: (id: FailoverId, evidence: BootEvidence) => Promise<void>
  readonly fail: (id: FailoverId, failure: Failure) => Promise<void>
  /** Back to waiting for the operator, when a commit was refused. */
  readonly reopen: (id: FailoverId, failure: Failure | undefined) => Promise<void>
  readonly end: (id: FailoverId, state: 'cleaned-up' | 'committed' | 'rolled-back') => Promise<void>
  /** A pass of this failover's own, recorded once; it does not wait for the failover. */
  readonly startPass: (id: FailoverId, which: 'last' | 'final') => Promise<PassId>
  /** Undefined: it was never started. */
  readonly passOf: (id: FailoverId, which: 'last' | 'final') => Promise<PassId | undefined>
  readonly passEnd: (pass: PassId) => Promise<PassEnd>
  /** Wishes the end of the pass of this saga; the caller tells the runner. */
  readonly cancelPass: (pass: PassId) => Promise<{ readonly sagaId: string }>
  /** A token higher than any given out before; rejects with SagaClaimLost when the claim is no longer the newest. */
  readonly nextFence: (claim: SagaClaim) => Promise<FenceToken>
}

export interface SourceFacts {
  readonly hardware: Hardware | undefined
  readonly isPaused: boolean
  readonly disks: readonly {
    readonly diskKey: DiskKey
    readonly label: string
    readonly capacityBytes: Bytes
    readonly volumeId: VolumeId | null
  }[]
}

export type SourcePower = 'on' | 'off' | 'suspended' | 'unknown'

/** The VM at the source. `owner` names who asks: asking again finds the work that goes on. */
export interface SourceMachine {
  /** As vCenter tells it now. Rejects when nobody can ask, after so long at most. */
  readonly power: (
    vm: SourceVmId,
    limitMs: number,
    signal: AbortSignal,
  ) => Promise<{
    readonly power: SourcePower
    readonly toolsRunning: boolean
  }>
  /** Resolves when the VM is seen off. Rejects with SOURCE_SHUTDOWN_HANGS; it is still on then. */
  readonly shutDown: (
    owner: string,
    vm: SourceVmId,
    how: { readonly seconds: number; readonly onHang: FailoverOptions['onShutdownHang'] },
    signal: AbortSignal,
  ) => Promise<{ readonly how: 'guest' | 'forced' | 'was-off'; readonly seconds: number }>
  /** Resolves when the VM is seen on. */
  readonly powerOn: (owner: string, vm: SourceVmId, signal: AbortSignal) => Promise<void>
}

export interface TargetVolume {
  readonly id: VolumeId
  readonly name: string
  readonly sizeBytes: Bytes
  readonly vmId: string | undefined
  readonly deviceId: number | undefined
}

export interface TargetMachine {
  readonly id: TargetVmId
  readonly name: string
  /** CloudStack's word, such as `Running` or `Stopped`. */
  readonly state: string
  readonly isOurs: boolean
  readonly nics: readonly {
    readonly networkId: string
    readonly macAddress: string
    readonly address: string | null
  }[]
}

/** What of CloudStack a failover depends on; null where the key may not see it. */
export interface TargetFacts {
  readonly zoneId: string
  readonly networks: readonly TargetNetwork[]
  readonly offering: {
    readonly id: string
    readonly name: string
    readonly isCustomized: boolean
    readonly cpuCount: number | null
    readonly memoryMib: number | null
  } | null
  readonly template: { readonly id: string; readonly name: string; readonly isReady: boolean } | null
  readonly missingCommands: readonly string[]
  readonly dataDiskLimit: number | undefined
  /** How much of each the limits of the account leave; null: no limit, or nobody tells. */
  readonly left: {
    readonly vms: number | null
    readonly volumes: number | null
    readonly snapshots: number | null
    readonly primaryGib: number | null
  }
  readonly applianceVmSnapshots: readonly string[]
  readonly vmNames: readonly string[]
}

/** CloudStack. Every method looks first and may be repeated after a crash or an unknown outcome. */
export interface TargetCloud {
  readonly facts: (signal: AbortSignal) => Promise<TargetFacts>
  readonly applianceVmId: () => Promise<TargetVmId>
  readonly volume: (id: VolumeId, signal: AbortSignal) => Promise<TargetVolume | undefined>
  readonly volumesOf: (vm: TargetVmId, signal: AbortSignal) => Promise<readonly TargetVolume[]>
  readonly snapshot: (name: string, volume: VolumeId, signal: AbortSignal) => Promise<SnapshotId>
  readonly snapshotsNamed: (
    name: string,
    volume: VolumeId,
    signal: AbortSignal,
  ) => Promise<readonly SnapshotId[]>
  readonly removeSnapshot: (snapshot: SnapshotId, signal: AbortSignal) => Promise<void>
  /** A volume with the content of the snapshot and our tag. */
  readonly clone: (name: string, snapshot: SnapshotId, signal: AbortSignal) => Promise<VolumeId>
  readonly volumesNamed: (name: string, signal: AbortSignal) => Promise<readonly VolumeId[]>
  /** Of a volume that is ours and attached to nobody; absent is removed. */
  readonly removeVolume: (volume: VolumeId, signal: AbortSignal) => Promise<void>
  /** A VM that is off, with our tag. `mark` is how it is found again. */
  readonly deploy: (mark: string, blueprint: Blueprint, signal: AbortSignal) => Promise<TargetVmId>
  readonly machinesMarked: (mark: string, signal: AbortSignal) => Promise<readonly TargetVmId[]>
  /** Undefined: there is none, or it is on its way out. */
  readonly machine: (vm: TargetVmId, signal: AbortSignal) => Promise<TargetMachine | undefined>
  /** Detaches and deletes the disk a template gave to a VM of ours. Volumes of ours are refused. */
  readonly discardRoot: (vm: TargetVmId, volume: VolumeId, signal: AbortSignal) => Promise<void>
  readonly attach: (
    volume: VolumeId,
    vm: TargetVmId,
    place: 'root' | 'data',
    signal: AbortSignal,
  ) => Promise<void>
  readonly detach: (volume: VolumeId, vm: TargetVmId, signal: AbortSignal) => Promise<void>
  readonly start: (vm: TargetVmId, signal: AbortSignal) => Promise<void>
  /** Rejects with TARGET_VM_NOT_OURS for a VM that runs and has no tag of ours. */
  readonly stop: (vm: TargetVmId, signal: AbortSignal) => Promise<void>
  /** Of a VM of ours that is off and has none of the volumes in `keep`, which it would take along. Absent is destroyed. */
  readonly destroy: (vm: TargetVmId, keep: readonly VolumeId[], signal: AbortSignal) => Promise<void>
  readonly rename: (vm: TargetVmId, displayName: string, signal: AbortSignal) => Promise<void>
}

/** The appliance itself: its places for disks, and its volume daemon. */
export interface Appliance {
  /** Rejects with APPLIANCE_FULL. */
  readonly attach: (volume: VolumeId, signal: AbortSignal) => Promise<void>
  /** Nobody writes through an export of the volume any more, and its device has its data. */
  readonly closeExport: (volume: VolumeId, fence: FenceToken, signal: AbortSignal) => Promise<void>
  readonly hasDevice: (volume: VolumeId, signal: AbortSignal) => Promise<boolean>
}

export interface FailoverTiming {
  readonly lookMs: number
  /** A device has to be gone so long after CloudStack says so. */
  readonly deviceLimitMs: number
  /** How long the target may take to run, and for how long it has to be seen running. */
  readonly bootLimitMs: number
  readonly bootSteadyMs: number
  /** A guest that was asked to shut down and did not is watched for so long: it may still do it. */
  readonly sourceSettleMs: number
  /** How long the source may take to answer; and, where it is taken to be gone, how long it is waited for. */
  readonly sourceLookMs: number
  readonly sourceGoneMs: number
}

export interface FailoverDeps {
  readonly store: FailoverStore
  readonly points: Points
  readonly source: SourceMachine
  readonly cloud: TargetCloud
  readonly appliance: Appliance
  /** Sagas were recorded, or are wished to end: whoever runs them looks now. */
  readonly onWork: () => void
  readonly onCancel: (sagaId: string) => void
  readonly timing: FailoverTiming
  readonly now: () => Date
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
  readonly logger: Logger
}
