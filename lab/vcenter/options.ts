import { type ApiType } from './identities.js'

/** What a disk holds at the start, besides nothing. Offsets and lengths are multiples of 512. */
export type DiskContent =
  | { readonly kind: 'random'; readonly offsetBytes: bigint; readonly lengthBytes: bigint }
  /** Written zeroes: allocated, unlike a hole. */
  | { readonly kind: 'zeros'; readonly offsetBytes: bigint; readonly lengthBytes: bigint }
  /** A raw image; its blocks of zeroes stay holes. */
  | { readonly kind: 'image'; readonly path: string }

export interface DiskSpec {
  readonly sizeBytes: bigint
  readonly content?: readonly DiskContent[]
  /** Default: 2000 and upwards. */
  readonly key?: number
  readonly controllerKey?: number
  readonly unitNumber?: number
  /** `persistent`, `independent_persistent`, … */
  readonly diskMode?: string
  /** `sharingNone` when left out. */
  readonly sharing?: string
}

export interface VmSpec {
  readonly name: string
  /** Folders below the VM folder of the datacenter; made when they do not exist. */
  readonly folder?: readonly string[]
  readonly uuid?: string
  readonly instanceUuid?: string
  readonly cpuCount?: number
  readonly memoryMb?: number
  readonly guestId?: string
  readonly guestFullName?: string
  readonly firmware?: 'bios' | 'efi'
  readonly power?: 'on' | 'off'
  /** Default: off, as a new VM has it. */
  readonly changeTracking?: boolean
  readonly toolsRunning?: boolean
  readonly encrypted?: boolean
  readonly disks: readonly DiskSpec[]
}

export interface WriterSpec {
  /** Per powered-on VM. */
  readonly bytesPerSec: number
  readonly intervalMs?: number
}

export interface SimulatorOptions {
  /** Must exist; everything the simulator keeps is below it. */
  readonly directory: string
  readonly host?: string
  /** Default 0: any free port. */
  readonly port?: number
  readonly user?: string
  readonly password?: string
  /** A vCenter when left out; `HostAgent` is a single ESXi host, which has no folders of VMs. */
  readonly apiType?: ApiType
  readonly vms: readonly VmSpec[]
  /** So many VMs more, spread over folders, without any file behind their disks. */
  readonly generatedVms?: number
  /** Sessions without a call for so long end; vCenter's default is 30 minutes. */
  readonly sessionIdleMs?: number
  /** The clock by which sessions grow idle, for tests; milliseconds. */
  readonly nowMs?: () => number
  readonly taskDelayMs?: number
  readonly taskRetentionMs?: number
  readonly maxAreasPerAnswer?: number
  readonly maxAreaBytes?: bigint
  /** Keep `archiveDir/<snapshot name>/<device key>.img` of every snapshot, to compare replicas with. */
  readonly archiveDir?: string
  /** Null or left out: guests write only when told to. */
  readonly writer?: WriterSpec | null
  /** The built stand-in libvixDiskLib; default: the one of lab/vddk. */
  readonly vddkLibrary?: string
}
