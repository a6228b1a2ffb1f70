import { type FenceToken } from '../domain/fence.js'
import { type DiskKey, type JobId, type PassId, type VolumeId, type VolumeSerial } from '../domain/ids.js'
import { type ReadProof } from '../domain/read-proof.js'
import { type StagingStanding, type Way } from '../domain/staging.js'
import { type Bytes } from '../domain/units.js'

/** What a sealed pass holds of one disk; the digest is of everything it holds, as it was read back. */
export interface SealedDisk {
  readonly diskKey: DiskKey
  readonly dataBytes: Bytes
  readonly zeroBytes: Bytes
  readonly digest: string
  readonly found: ReadProof
}

/** Without what was found: that is compared once and not kept. */
export type StoredSeal = Omit<SealedDisk, 'found'>

/** What the source's side says that it read. */
export interface ReadDisk {
  readonly diskKey: DiskKey
  /** Null: nothing that could be compared. */
  readonly proof: ReadProof | null
}

/** The staged part of jobs and passes. Each method is one transaction; all are repeatable. */
export interface StagingStore {
  readonly standing: (job: JobId, pass: PassId) => Promise<StagingStanding>
  /**
   * The first word counts, and is given back. Of a job with a recovery point `direct` takes the point away in the same
   * transaction, with `why` to be shown: the pass is about to overwrite it.
   */
  readonly recordWay: (pass: PassId, way: Way, why: string | null) => Promise<Way>
  /** Before the commit, which makes them what is to be applied. */
  readonly recordSealed: (pass: PassId, disks: readonly StoredSeal[]) => Promise<void>
  readonly sealed: (pass: PassId) => Promise<readonly StoredSeal[]>
  readonly read: (pass: PassId) => Promise<readonly ReadDisk[]>
  /** Whether what was read was found where it was written; false: nothing could be compared. */
  readonly recordChecked: (pass: PassId, disk: DiskKey, isChecked: boolean) => Promise<void>
  readonly recordApplied: (pass: PassId, bytes: Bytes) => Promise<void>
  /** What was staged of a disk after the commit cannot be used: the next pass compares, and until then there is no point. */
  readonly lose: (pass: PassId, disk: DiskKey, why: string) => Promise<void>
}

export type StagedStanding =
  | { readonly kind: 'running'; readonly doneBytes: Bytes; readonly totalBytes: Bytes | null }
  | { readonly kind: 'sealed'; readonly sealed: Omit<SealedDisk, 'diskKey'> }
  | { readonly kind: 'applied' }
  | { readonly kind: 'checked'; readonly found: ReadProof }

/** `diskBytes`: how long the source's disk is. */
export type StagedOrder =
  | { readonly kind: 'seal'; readonly diskBytes: Bytes }
  | { readonly kind: 'apply'; readonly diskBytes: Bytes; readonly digest: string }
  | { readonly kind: 'check'; readonly diskBytes: Bytes }

/** Overlays, in the hands of the volume daemon. */
export interface Staged {
  /**
   * Begins the work or tells how far it is. `seal`: durable and read back; `apply`: written to the volume, flushed; `check`:
   * what the pass wrote to the volume itself is read. Rejects once with what the work failed with: STAGING_MISSING and
   * STAGING_INVALID say that the overlay cannot be used.
   */
  readonly advanceStaged: (
    volume: VolumeId,
    pass: PassId,
    order: StagedOrder,
    fence: FenceToken,
    signal: AbortSignal,
  ) => Promise<StagedStanding>
  /** Absent is dropped. */
  readonly dropStaged: (
    volume: VolumeId,
    pass: PassId,
    fence: FenceToken,
    signal: AbortSignal,
  ) => Promise<void>
  readonly staging: (signal: AbortSignal) => Promise<{
    readonly freeBytes: Bytes
    readonly overlays: readonly { readonly serial: VolumeSerial; readonly pass: PassId }[]
  }>
}
