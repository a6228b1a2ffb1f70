import { type ChangeId, type DiskKey, type SourceVmId, type VerificationId } from '../../domain/ids.js'
import { type Bytes } from '../../domain/units.js'
import { type Failure } from '../../errors.js'

/** What a verification found of one disk. */
export type VerifiedDisk =
  | {
      readonly kind: 'compared'
      readonly diskKey: DiskKey
      readonly blocks: number
      readonly differingBlocks: number
      readonly firstDifference: Bytes | null
      readonly comparedBytes: Bytes
      /** Changed since the recovery point: there the two sides may differ, so nothing was compared. */
      readonly leftOutBytes: Bytes
      readonly sourceReadBytes: Bytes
      readonly targetReadBytes: Bytes
    }
  | { readonly kind: 'unknown'; readonly diskKey: DiskKey; readonly why: string }

export interface VerifyOrder {
  readonly vm: SourceVmId
  readonly snapshotName: string
  readonly settings: VerifySettings
  readonly disks: readonly {
    readonly diskKey: DiskKey
    readonly since: ChangeId | null
    readonly fromBytes: Bytes
    readonly untilBytes: Bytes
    readonly exportSocket: string
    readonly exportName: string
  }[]
}

export interface VerifySettings {
  readonly algorithm: 'xxh3-128' | 'sha256'
  readonly blockBytes: number
  /** Null: no limit. */
  readonly bytesPerSecond: Bytes | null
}

/** One verification: a look at parts of the disks of a job's recovery point. */
export interface PlannedVerification {
  readonly settings: VerifySettings
  readonly windows: readonly {
    readonly diskKey: DiskKey
    readonly fromBytes: Bytes
    readonly untilBytes: Bytes
  }[]
}

/** The one writer of verifications; repeatable, each method in one transaction. */
export interface VerificationStore {
  readonly plan: (id: VerificationId) => Promise<PlannedVerification>
  /** Keeps the evidence. A disk that differs loses its change ID, so that the next pass compares it and says why. */
  readonly record: (id: VerificationId, disks: readonly VerifiedDisk[]) => Promise<void>
  readonly fail: (id: VerificationId, failure: Failure) => Promise<void>
}
