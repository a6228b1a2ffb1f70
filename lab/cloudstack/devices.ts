/** KVM gives a volume's disk the first 20 hex digits of its UUID as serial. */
export const serialOf = (volumeId: string): string => volumeId.replaceAll('-', '').slice(0, 20)

/** The disks the appliance VM sees. */
export interface Devices {
  readonly kind: 'loop' | 'file' | 'guest'
  /** Where udev links them by serial. */
  readonly byIdDir: string
  readonly attach: (volumeId: string, file: string) => Promise<void>
  /** A volume that has no device is left alone. */
  readonly detach: (volumeId: string) => Promise<void>
  /** The file of the volume has this size now. */
  readonly resized: (volumeId: string, sizeBytes: number) => Promise<void>
  /** The device dies under its users, while CloudStack still shows the volume attached. */
  readonly breakDevice: (volumeId: string) => Promise<void>
  /** The appliance VM is switched on or off. */
  readonly power: (to: 'on' | 'off') => Promise<void>
  readonly close: () => Promise<void>
}
