import {
  type ChangeId,
  type DiskKey,
  type JobId,
  type PassId,
  type SourceVmId,
  type VolumeId,
} from '../domain/ids.js'
import { type DiskStart, type HeldCopy } from '../domain/disk-start.js'
import { type FenceToken } from '../domain/fence.js'
import { type Hardware } from '../domain/hardware.js'
import { type Finding } from '../domain/preflight.js'
import { type LastPass, type Pace, type PaceDecision } from '../domain/pace.js'
import { type PassState } from '../domain/pass-state.js'
import { type ReadProof } from '../domain/read-proof.js'
import { type Bytes } from '../domain/units.js'
import { type SyncType } from '../domain/progress.js'
import { type Failure } from '../errors.js'
import { type Logger } from '../log/logger.js'
import { type Json } from '../domain/json.js'
import { type SagaClaim } from '../saga/log.js'
import { type PointDaemon, type PointStore } from './points/deps.js'
import { type Staged, type StagingStore } from './staging-deps.js'
import { type VerifiedDisk, type VerifyOrder } from './verify/deps.js'

export interface JobDisk {
  readonly diskKey: DiskKey
  readonly label: string
  readonly capacityBytes: Bytes
  /** Empty where the server gives none. */
  readonly backingUuid: string
  /** The datastore path of the file under all snapshots. */
  readonly baseFile: string
  /** Null until a pass has provided it. */
  readonly volumeId: VolumeId | null
  /** False for a volume the operator chose: it is never deleted by a clean-up. */
  readonly volumeIsOurs: boolean
  /** What the last committed pass left of the disk on a volume; null: none did. */
  readonly held: HeldCopy | null
  /** Of the last committed pass; null: the next pass looks at the whole disk. */
  readonly changeId: ChangeId | null
  /** Why `changeId` was dropped although the disk was copied before; null otherwise. */
  readonly fullReason: string | null
}

export type QuiescePolicy = 'required' | 'preferred' | 'off'

export interface Job {
  readonly id: JobId
  readonly sourceVmId: SourceVmId
  readonly quiesce: QuiescePolicy
  readonly disks: readonly JobDisk[]
  /** Some pass was committed: the volumes hold a recovery point and no clean-up may delete them. */
  readonly hasRecoveryPoint: boolean
}

export interface CommittedDisk {
  readonly diskKey: DiskKey
  readonly changeId: ChangeId | null
}

/**
 * The one writer of jobs and passes. Each method is one statement or one transaction; all are repeatable. A database that
 * does not answer rejects with STORE_UNAVAILABLE.
 */
export interface PassStore {
  readonly job: (id: JobId) => Promise<Job>
  /**
   * Records the disks of the VM; keeps what the operator chose. A disk with a `fullReason` loses its change ID in the same
   * transaction, so that no later pass can start from it either.
   */
  readonly recordDisks: (
    job: JobId,
    disks: readonly Omit<JobDisk, 'volumeId' | 'volumeIsOurs' | 'changeId' | 'held'>[],
  ) => Promise<void>
  readonly recordVolume: (job: JobId, disk: DiskKey, volume: VolumeId) => Promise<void>
  readonly forgetVolume: (job: JobId, disk: DiskKey, volume: VolumeId) => Promise<void>
  /** Moves the pass forward; already there counts as moved, any other state is a bug. */
  readonly advance: (pass: PassId, to: Exclude<PassState, 'committed' | 'failed' | 'intent'>) => Promise<void>
  readonly recordSnapshot: (
    pass: PassId,
    frozen: Pick<FrozenVm, 'createdAt' | 'consistency' | 'notes' | 'hardware' | 'freezeSeconds'>,
    disks: readonly { readonly diskKey: DiskKey; readonly changeIdBefore: ChangeId | null }[],
  ) => Promise<void>
  /** The newest pass of the job before this one that took a snapshot, however it ended; undefined: none did. */
  readonly lastPass: (job: JobId, pass: PassId) => Promise<LastPass | undefined>
  /** How gently the pass reads; the first word counts. */
  readonly recordPace: (pass: PassId, decision: PaceDecision) => Promise<void>
  readonly pace: (pass: PassId) => Promise<Pace>
  readonly recordRemoval: (pass: PassId, seconds: number) => Promise<void>
  /** Something an operator should know that does not break the pass; one note of each kind, the newest counts. */
  readonly note: (pass: PassId, kind: string, note: string) => Promise<void>
  readonly recordCounters: (pass: PassId, disks: CopyReport['disks']) => Promise<void>
  /**
   * The recovery point, every change ID and what the volumes hold, in one transaction; a second call changes nothing. With a
   * `doubt` no change ID is kept: the next pass compares and says it. What a staged pass sealed is to be applied from then on.
   */
  readonly commit: (pass: PassId, disks: readonly CommittedDisk[], doubt: string | null) => Promise<void>
  readonly fail: (pass: PassId, failure: Failure) => Promise<void>
  /** A token higher than any given out before; rejects with SagaClaimLost when the claim is no longer the newest. */
  readonly nextFence: (claim: SagaClaim) => Promise<FenceToken>
}

export interface DiskReport {
  readonly diskKey: DiskKey
  readonly syncType: SyncType
  readonly plannedBytes: Bytes
  readonly readBytes: Bytes
  readonly writtenBytes: Bytes
  readonly zeroedBytes: Bytes
  readonly skippedBytes: Bytes
  /** Read by an earlier try of the same copy and not durable when that broke. */
  readonly sentAgainBytes: Bytes
  readonly retriedRequests: number
  readonly rateBytesPerSec: Bytes
  readonly seconds: number | null
  readonly fallbacks: readonly string[]
}

/** How far one disk got in a copy that broke. */
export interface BrokenDisk {
  readonly diskKey: DiskKey
  /** Reported while the lease lasted: below it everything planned was flushed to the volume. */
  readonly durableBelow: Bytes
  readonly report: Json
}

export interface BrokenCopy {
  readonly failure: Failure
  readonly endedAt: Date
  readonly disks: readonly BrokenDisk[]
}

export interface CopyReport {
  /** `flushed` says whether the target confirmed it. */
  readonly disks: readonly (DiskReport & {
    readonly flushed: boolean
    /** Null where both sides were read and only differences sent. */
    readonly readProof: ReadProof | null
  })[]
  /** What happened to the VM's snapshots meanwhile and makes its later changes doubtful; null: nothing. */
  readonly disturbance: string | null
}

export interface InspectedVm {
  readonly name: string
  readonly power: 'on' | 'off' | 'suspended' | 'unknown'
  readonly changeTracking: 'on' | 'off' | 'unsupported'
  readonly findings: readonly Finding[]
  readonly disks: readonly {
    readonly diskKey: DiskKey
    readonly label: string
    readonly capacityBytes: Bytes
    readonly backingUuid: string
    readonly baseFile: string
    readonly snapshotable: boolean
  }[]
}

/** The disks of a VM at one instant: frozen by a snapshot, or at rest because the VM is off. */
export interface FrozenVm {
  readonly createdAt: Date
  readonly consistency: 'powered-off' | 'quiesced' | 'crash'
  /** What could not be done as it was asked for, in words. */
  readonly notes: readonly string[]
  /** Why the changes of no disk can be told; null: they can. */
  readonly fullReason: string | null
  /** How long it took to stand; null: no snapshot was taken. */
  readonly freezeSeconds: number | null
  /** Null for a snapshot. */
  readonly stateToken: string | null
  readonly hardware: Hardware
  readonly disks: readonly {
    readonly diskKey: DiskKey
    readonly capacityBytes: Bytes
    readonly changeId: ChangeId | null
  }[]
}

export interface CopyOrder {
  readonly diskKey: DiskKey
  readonly start: DiskStart
  /** What an earlier try of this copy reported, as it came; null: there was none. */
  readonly earlier: Json | null
  readonly exportSocket: string
  readonly exportName: string
}

export type CopySource =
  | { readonly kind: 'snapshot'; readonly name: string }
  /** The copy rejects with SOURCE_VM_NOT_OFF when the VM is no longer as the token says, before or after it. */
  | { readonly kind: 'powered-off'; readonly stateToken: string }

/**
 * The source site, worked by a VMA. `owner` names the saga step that asks: asking again with the same owner finds the work
 * that is still going on instead of starting it twice.
 */
export interface SourceSite {
  readonly inspect: (owner: string, vm: SourceVmId, signal: AbortSignal) => Promise<InspectedVm>
  readonly snapshot: (
    owner: string,
    vm: SourceVmId,
    snapshot: { readonly name: string; readonly quiesce: QuiescePolicy },
    signal: AbortSignal,
  ) => Promise<FrozenVm>
  /** Rejects with SOURCE_VM_NOT_OFF. */
  readonly readPoweredOff: (owner: string, vm: SourceVmId, signal: AbortSignal) => Promise<FrozenVm>
  /** Resolves when every disk is copied and flushed. */
  readonly copy: (
    owner: string,
    order: {
      readonly vm: SourceVmId
      readonly from: CopySource
      readonly pace: Pace
      readonly disks: readonly CopyOrder[]
    },
    signal: AbortSignal,
  ) => Promise<CopyReport>
  /** Compares frozen disks with their volumes; what nobody can tell is unknown, not an error. */
  readonly verify: (
    owner: string,
    order: VerifyOrder,
    signal: AbortSignal,
  ) => Promise<readonly VerifiedDisk[]>
  /** The tries of this owner's copy that broke, oldest first; `goesOn`: another one is queued, under way or done. */
  readonly copyTries: (
    owner: string,
  ) => Promise<{ readonly broken: readonly BrokenCopy[]; readonly goesOn: boolean }>
  /** Gives how many seconds the removal took. */
  readonly removeSnapshot: (
    owner: string,
    vm: SourceVmId,
    name: string,
    signal: AbortSignal,
  ) => Promise<number>
}

/** A snapshot of a pass that nothing needs any more. */
export interface LeftSnapshot {
  readonly passId: PassId
  readonly vm: SourceVmId
}

/** Volumes in CloudStack. */
export interface TargetVolumes {
  readonly find: (volume: VolumeId, signal: AbortSignal) => Promise<{ readonly sizeBytes: Bytes } | undefined>
  /** At least this large afterwards; nothing on it changes. Rejects with the error of CloudStack. */
  readonly grow: (volume: VolumeId, sizeBytes: Bytes, signal: AbortSignal) => Promise<void>
  /** Finds the volume of this name or creates it. */
  readonly ensure: (
    name: string,
    sizeBytes: Bytes,
    signal: AbortSignal,
  ) => Promise<{ readonly id: VolumeId; readonly sizeBytes: Bytes }>
  readonly ensureAttached: (volume: VolumeId, signal: AbortSignal) => Promise<void>
  readonly findByName: (name: string, signal: AbortSignal) => Promise<readonly VolumeId[]>
  readonly remove: (volume: VolumeId, signal: AbortSignal) => Promise<void>
}

export interface OpenExport {
  readonly socket: string
  readonly exportName: string
  readonly sizeBytes: Bytes
}

/** The volume daemon: the only one that touches devices. A token lower than one it has seen rejects with VOLUME_FENCED. */
export interface Exports {
  /**
   * Proves the device's identity and size, then serves it under a fresh random name; an older export of it ends first. What
   * is written for a `staged` pass goes to its overlay, which outlives the export.
   */
  readonly open: (
    volume: VolumeId,
    minimumBytes: Bytes,
    fence: FenceToken,
    signal: AbortSignal,
    staged?: PassId,
  ) => Promise<OpenExport>
  /**
   * Absent is closed. Resolves when its server has ended and the device has its data; TARGET_FLUSH_FAILED says that the
   * export has ended but data may be lost.
   */
  readonly close: (volume: VolumeId, fence: FenceToken, signal: AbortSignal) => Promise<void>
}

export interface PassDeps {
  readonly store: PassStore
  readonly staging: StagingStore
  readonly staged: Staged
  readonly points: PointStore
  readonly daemon: PointDaemon
  readonly source: SourceSite
  readonly target: TargetVolumes
  readonly exports: Exports
  /** A snapshot that takes longer to make or to fold makes the next pass gentler. */
  readonly slowSnapshotSeconds: number
  readonly logger: Logger
  readonly now: () => Date
  /** Resolves after `delayMs`, or earlier when the signal aborts. */
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
  /** How long a copy that gets no further is tried again. */
  readonly copyPatienceMs: number
}
