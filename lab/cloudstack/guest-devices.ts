import { serialOf, type Devices } from './devices.js'

/** A VM that really runs, on or off. Plugging resolves when the machine has the disk, unplugging when its guest let go of it. */
export interface HotPlug {
  readonly plug: (disk: { readonly serial: string; readonly file: string }) => Promise<void>
  readonly unplug: (serial: string) => Promise<void>
  readonly resize: (serial: string, sizeBytes: number) => Promise<void>
  readonly powerOn: () => Promise<void>
  readonly powerOff: () => Promise<void>
}

/** The appliance VM is a guest: its volumes are plugged into it while it runs. Whoever made the guest ends it. */
export class GuestDevices implements Devices {
  readonly kind = 'guest'
  /** In the guest. */
  readonly byIdDir = '/dev/disk/by-id'
  readonly #guest: HotPlug
  readonly #attached = new Set<string>()

  constructor(guest: HotPlug) {
    this.#guest = guest
  }

  async attach(volumeId: string, file: string): Promise<void> {
    await this.#guest.plug({ serial: serialOf(volumeId), file })
    this.#attached.add(volumeId)
  }

  async detach(volumeId: string): Promise<void> {
    if (!this.#attached.has(volumeId)) return
    await this.#guest.unplug(serialOf(volumeId))
    this.#attached.delete(volumeId)
  }

  async resized(volumeId: string, sizeBytes: number): Promise<void> {
    if (this.#attached.has(volumeId)) await this.#guest.resize(serialOf(volumeId), sizeBytes)
  }

  /** The disk is pulled out of the machine. */
  async breakDevice(volumeId: string): Promise<void> {
    if (!this.#attached.has(volumeId)) throw new RangeError(`volume ${volumeId} is not attached to the guest`)
    await this.detach(volumeId)
  }

  power(to: 'on' | 'off'): Promise<void> {
    return to === 'on' ? this.#guest.powerOn() : this.#guest.powerOff()
  }

  close(): Promise<void> {
    return Promise.resolve()
  }
}
