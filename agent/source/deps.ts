import { type ChangeId, type DiskKey, type SourceVmId } from '../domain/ids.js'
import { type Extent } from '../domain/extent.js'
import { type Hardware } from '../domain/hardware.js'
import { type PreflightFacts } from '../domain/preflight.js'
import { type Bytes } from '../domain/units.js'

export type PowerState = 'on' | 'off' | 'suspended' | 'unknown'

export interface ListedVm {
  readonly instanceUuid: SourceVmId
  readonly name: string
  readonly power: PowerState
  readonly diskCount: number
  readonly capacityBytes: Bytes
  /** As operators see it: datacenter, folders, parted by `/`. Empty where vCenter does not tell. */
  readonly folder: string
  /** The ESXi host's name; null where vCenter does not tell. */
  readonly host: string | null
  /** Names of snapshots that passes made, whether or not they are still needed. */
  readonly passSnapshots: readonly string[]
}

export interface FreeSpace {
  /** Of the datastore. */
  readonly name: string
  readonly freeBytes: Bytes
}

export interface DescribedVm {
  readonly moref: string
  /** The ESXi host it runs on or would; null where vCenter does not tell. */
  readonly host: string | null
  readonly name: string
  readonly power: PowerState
  readonly changeTracking: 'on' | 'off' | 'unsupported'
  readonly disks: readonly {
    readonly key: DiskKey
    readonly label: string
    readonly capacityBytes: Bytes
    readonly backingUuid: string
    readonly fileName: string
    /** The file under all snapshots. */
    readonly baseFile: string
    /** Of the VM itself as it is now: worth something only while the VM is off. */
    readonly changeId: ChangeId | null
    readonly snapshotable: boolean
  }[]
  /** Of the VM's configuration; another one means that somebody changed or started the VM. */
  readonly changeVersion: string
}

export interface FrozenDisk {
  readonly key: DiskKey
  readonly changeId: ChangeId | null
  /** The datastore path of the disk's file as the snapshot names it. */
  readonly fileName: string
  readonly capacityBytes: Bytes
}

export interface TakenSnapshot {
  readonly snapshotMoref: string
  readonly createdAt: Date
  readonly consistency: 'powered-off' | 'quiesced' | 'crash'
  readonly disks: readonly FrozenDisk[]
}

/** What the VMA asks of vCenter; agent/vsphere implements it. */
export interface SourceVsphere {
  readonly checkConnection: (signal: AbortSignal) => Promise<void>
  /** `AA:BB:…` of the certificate that matched the confirmed one: VDDK asks for it in SHA-1. */
  readonly thumbprintSha1: (signal: AbortSignal) => Promise<string>
  readonly listVms: (signal: AbortSignal) => AsyncIterable<readonly ListedVm[]>
  readonly describeVm: (vm: SourceVmId, signal: AbortSignal) => Promise<DescribedVm>
  readonly enableChangeTracking: (moref: string, signal: AbortSignal) => Promise<void>
  /** Rejects with SOURCE_QUIESCE_FAILED when the guest could not be quiesced; no snapshot is there then. */
  readonly createSnapshot: (
    request: {
      readonly moref: string
      readonly name: string
      readonly description: string
      readonly quiesce: boolean
    },
    signal: AbortSignal,
  ) => Promise<TakenSnapshot>
  /** Undefined only when vCenter lists the VM's snapshots and this name is not among them. */
  readonly findSnapshot: (
    moref: string,
    name: string,
    signal: AbortSignal,
  ) => Promise<TakenSnapshot | undefined>
  /**
   * What somebody else did to the VM's snapshots while the one of this name stood, in words; null: nothing. Rejects with
   * SOURCE_SNAPSHOT_GONE.
   */
  readonly disturbance: (moref: string, name: string, signal: AbortSignal) => Promise<string | null>
  /** Removes the snapshot of this name, if there is one, and resolves when the disks are consolidated. */
  readonly removeSnapshot: (
    request: { readonly moref: string; readonly name: string },
    signal: AbortSignal,
  ) => Promise<void>
  /** Of the datastores of the VM's disks, as it is now. */
  readonly freeSpace: (vm: SourceVmId, signal: AbortSignal) => Promise<readonly FreeSpace[]>
  /**
   * A file, by a datastore path such as `[datastore1] web/web-flat.vmdk`, of the datacenter of a VM. Rejects with
   * SOURCE_READ_FAILED or VSPHERE_PERMISSION_MISSING.
   */
  readonly datastoreFile: (moref: string, fileName: string, signal: AbortSignal) => Promise<DatastoreFile>
  /** As it is now. */
  readonly power: (
    vm: SourceVmId,
    signal: AbortSignal,
  ) => Promise<{ readonly moref: string; readonly power: PowerState; readonly toolsRunning: boolean }>
  /** Asks the guest; it goes down in its own time, or not. Rejects with VSPHERE_FAULT where it cannot be asked. */
  readonly shutDownGuest: (moref: string, signal: AbortSignal) => Promise<void>
  /** Resolve when the VM is seen as wished, also when it was so before. */
  readonly powerOff: (moref: string, signal: AbortSignal) => Promise<void>
  readonly powerOn: (moref: string, signal: AbortSignal) => Promise<void>
  /** What the snapshot froze, or the VM itself (null). */
  readonly readHardware: (
    moref: string,
    snapshotMoref: string | null,
    signal: AbortSignal,
  ) => Promise<Hardware>
  /** What vCenter refuses to tell is unknown; rejects when it is away or has no such VM. */
  readonly preflightFacts: (
    vm: SourceVmId,
    signal: AbortSignal,
  ) => Promise<Omit<PreflightFacts, 'vddk' | 'datastoreFloorBytes'>>
  /** Rejects with CBT_UNAVAILABLE when the change ID is of another epoch or tracking is off, CBT_ANSWER_INVALID when the answer contradicts itself. */
  readonly changedAreas: (
    request: {
      readonly moref: string
      /** Null: up to now, of a VM that is off. */
      readonly snapshotMoref: string | null
      readonly deviceKey: DiskKey
      readonly changeId: ChangeId
      readonly capacityBytes: Bytes
    },
    signal: AbortSignal,
  ) => Promise<readonly Extent[]>
}

/** A file of a datastore that does not change while it is read. */
export interface DatastoreFile {
  readonly sizeBytes: Bytes
  /** Exactly these bytes of it, or it rejects. */
  readonly read: (offset: Bytes, length: Bytes, signal: AbortSignal) => AsyncIterable<Uint8Array>
}

export interface ReaderRequest {
  readonly vmMoref: string
  /** Null: the disk of a VM that is off, as it is. */
  readonly snapshotMoref: string | null
  readonly diskKey: DiskKey
  readonly fileName: string
  /** The ESXi host of the VM; null where vCenter does not tell. */
  readonly host: string | null
}

export interface DiskReader {
  /** Its NBD server's unix socket; it serves one disk as the default export. */
  readonly socketPath: string
  /** What its server complained about, complete once it is closed; empty when it said nothing. */
  readonly complaint: () => string
  /** Resolves when the reader's process has ended and nothing of it is left. */
  readonly close: () => Promise<void>
}

/** Opens frozen disks for reading over NBD. */
export interface DiskReaders {
  readonly open: (request: ReaderRequest, signal: AbortSignal) => Promise<DiskReader>
}
