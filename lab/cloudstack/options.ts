import { type HotPlug } from './guest-devices.js'

export interface VmSpec {
  readonly name: string
  readonly id?: string
  /** Default: on. */
  readonly power?: 'on' | 'off'
  /** Default 0; the simulated region has two zones. */
  readonly zone?: 0 | 1
  readonly macAddress?: string
}

/** `loop`: real block devices, needs root; `file`: links to the volumes' files; `auto`: the first that works. */
export type LocalDevicesChoice = 'loop' | 'file' | 'auto'

/** The appliance VM is this machine, or a guest of its own, which the simulator switches on and off but did not make. */
export type DevicesChoice = LocalDevicesChoice | { readonly guest: HotPlug }

export interface SimulatorOptions {
  /** Must exist; everything the simulator keeps is below it. */
  readonly directory: string
  /** Where the devices of the appliance VM appear, as `virtio-<serial>`. Default: `by-id` in `directory`. */
  readonly byIdDir?: string
  readonly host?: string
  /** Default 0: any free port. */
  readonly port?: number
  readonly apiKey?: string
  readonly secretKey?: string
  /** Of the account the key belongs to; default admin. */
  readonly role?: 'admin' | 'user'
  readonly devices?: DevicesChoice
  /** New volumes begin with a MiB of 0xEE instead of zeroes; default true, since no storage promises zeroes. */
  readonly dirtyVolumes?: boolean
  /** Refuse parameters CloudStack does not publish for a command and would ignore; default true. */
  readonly strictParameters?: boolean
  /** CloudStack's setting enforce.post.requests.and.timestamps; default false. */
  readonly requirePostAndTimestamps?: boolean
  /** Data volumes per VM, max_data_volumes_limit of the hypervisor; default 24. */
  readonly maxDataVolumes?: number
  /** The setting default.page.size; default 500. */
  readonly maxPageSize?: number
  /** The setting custom.diskoffering.size.max; default 1024. */
  readonly maxVolumeGib?: number
  /** From the start of a job to its work; default 20. */
  readonly jobDelayMs?: number
  /** How long an ended job can be asked about; default ten minutes. */
  readonly jobRetentionMs?: number
  /** How long a deleted volume is still listed as Expunging; default 0: not at all. */
  readonly expungeDelayMs?: number
  /** How long a snapshot stays BackingUp after its job has ended; default 0. */
  readonly snapshotBackupMs?: number
  /** Besides the appliance VM, which is always there. */
  readonly vms?: readonly VmSpec[]
  readonly applianceVm?: VmSpec
  /** The clock `expires` is judged by; milliseconds since 1970. */
  readonly nowMs?: () => number
}
