import { type TargetNic } from '../domain/network-mapping.js'

/** What the target VM is made like, with every id resolved. JSON, so that a run keeps the one it began with. */
export interface Blueprint {
  readonly hostName: string
  readonly zoneId: string
  readonly serviceOfferingId: string
  readonly serviceOfferingName: string
  /** Null: the offering has its own. */
  readonly cpuCount: number | null
  readonly memoryMib: number | null
  readonly templateId: string
  readonly templateName: string
  readonly firmware: 'bios' | 'uefi' | 'uefi-secure'
  readonly nics: readonly TargetNic[]
  /** The root first. `capacityBytes` in decimal. */
  readonly disks: readonly {
    readonly diskKey: string
    readonly label: string
    readonly capacityBytes: string
    readonly volumeId: string
  }[]
}
