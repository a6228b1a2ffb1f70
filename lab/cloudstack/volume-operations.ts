import { setTimeout as after } from 'node:timers/promises'
import { internalError, invalidValue } from './api-error.js'
import { type Devices } from './devices.js'

import { Volume, type DiskOffering, type Named, type Site, type Snapshot, type Vm } from './site.js'
import { type Storage } from './storage.js'

const gib = 1024 ** 3

/** Device 3 is the CD drive's (VolumeApiServiceImpl.getDeviceId). */
const cdDeviceId = 3
/** The root disk's. */
const rootDeviceId = 0

export interface VolumeLimits {
  readonly maxDataVolumes: number
  readonly maxVolumeGib: number
  readonly expungeDelayMs: number
}

export interface NewVolume {
  readonly name: string
  readonly zone: Named
  readonly offering: DiskOffering
  readonly sizeGib: number | undefined
}

/** What may be done with volumes, with the checks and texts of VolumeApiServiceImpl. Callers hold the job locks. */
export class VolumeOperations {
  /** Called before each change; keeps what a list that lags behind still shows. */
  beforeChange: () => void = () => undefined
  readonly #site: Site
  readonly #storage: Storage
  readonly #devices: Devices
  readonly #limits: VolumeLimits
  readonly #expunging = new Set<Promise<void>>()
  readonly #closed = new AbortController()

  constructor(site: Site, storage: Storage, devices: Devices, limits: VolumeLimits) {
    this.#site = site
    this.#storage = storage
    this.#devices = devices
    this.#limits = limits
  }

  /** The entry of a new volume, which is listed before its job has run. */
  allocate(request: NewVolume): Volume {
    const { offering, sizeGib } = request
    if (offering.sizeGib !== null && sizeGib !== undefined)
      throw invalidValue('This disk offering does not allow custom size')
    const wanted = offering.sizeGib ?? sizeGib
    if (wanted === undefined) throw invalidValue('This disk offering requires a custom size specified')
    if (wanted < 1 || wanted > this.#limits.maxVolumeGib)
      throw invalidValue(
        `Volume size: ${wanted}GB is out of allowed range. Min: 1. Max: ${this.#limits.maxVolumeGib}`,
      )
    this.beforeChange()
    const volume = new Volume({
      name: request.name,
      type: 'DATADISK',
      zone: request.zone,
      offering,
      sizeBytes: wanted * gib,
    })
    this.#site.volumes.set(volume.id, volume)
    return volume
  }

  async create(volume: Volume): Promise<void> {
    if (!this.#site.volumes.has(volume.id)) throw internalError(`Volume ${volume.id} was deleted`)
    await this.#storage.create(volume.id, volume.sizeBytes)
  }

  async attach(volume: Volume, vm: Vm, deviceId: number | undefined): Promise<void> {
    if (!this.#site.volumes.has(volume.id)) throw invalidValue('Please specify a valid volume.')
    if (volume.vm !== null) throw invalidValue('Please specify a volume that is not attached to any VM.')
    if (volume.state !== 'Allocated' && volume.state !== 'Ready')
      throw invalidValue('Volume state must be in Allocated, Ready or in Uploaded state')
    if (vm.zone !== volume.zone)
      throw invalidValue('Please specify a VM that is in the same zone as the volume.')
    const free = this.#deviceIdFor(vm, deviceId)
    await this.#through(volume, 'Attaching', async () => {
      if (vm === this.#site.applianceVm) await this.#devices.attach(volume.id, this.#storage.path(volume.id))
      this.beforeChange()
      volume.vm = vm
      volume.deviceId = free
      volume.attachedAt = new Date()
      volume.isPlaced = true
      if (free === rootDeviceId) volume.type = 'ROOT'
    })
    volume.state = 'Ready'
  }

  /** Shows a state while the work goes on, then the one before. */
  async #through(volume: Volume, state: 'Attaching' | 'Resizing', work: () => Promise<void>): Promise<void> {
    const before = volume.state
    volume.state = state
    try {
      await work()
    } finally {
      volume.state = before
    }
  }

  #deviceIdFor(vm: Vm, wanted: number | undefined): number {
    const attached = this.#site.volumesOf(vm)
    const most = this.#limits.maxDataVolumes
    if (attached.filter(({ type }) => type === 'DATADISK').length >= most)
      throw invalidValue(
        `The specified VM already has the maximum number of data disks (${most}) attached. Please specify another VM.`,
      )
    const used = new Set(attached.map(volume => volume.deviceId))
    if (wanted === rootDeviceId && vm.state !== 'Stopped')
      throw invalidValue('Root volume can be attached to a stopped VM only')
    if (wanted !== undefined) {
      if (wanted < 0 || wanted === cdDeviceId) throw invalidValue(`deviceId ${wanted} is not allowed`)
      if (used.has(wanted)) throw invalidValue(`deviceId ${wanted} is used by vm ${vm.id}`)
      return wanted
    }
    for (let candidate = 1; ; candidate++)
      if (candidate !== cdDeviceId && !used.has(candidate)) return candidate
  }

  async detach(volume: Volume): Promise<void> {
    const { vm } = volume
    if (vm === null) throw invalidValue('The specified volume is not attached to a VM.')
    if (volume.type === 'ROOT' && vm.state !== 'Stopped')
      throw invalidValue('Please specify a VM that is stopped to detach its root volume.')
    if (vm === this.#site.applianceVm) await this.#devices.detach(volume.id)
    this.beforeChange()
    volume.vm = null
    volume.deviceId = null
    volume.attachedAt = null
    volume.type = 'DATADISK'
  }

  /** A volume with what the snapshot holds. */
  allocateFrom(name: string, snapshot: Snapshot): Volume {
    this.beforeChange()
    const { zone, offering } = snapshot.volume
    const volume = new Volume({ name, type: 'DATADISK', zone, offering, sizeBytes: snapshot.sizeBytes })
    this.#site.volumes.set(volume.id, volume)
    return volume
  }

  async createFrom(volume: Volume, snapshot: Snapshot): Promise<void> {
    await this.#storage.createFrom(volume.id, snapshot.id)
    volume.isPlaced = true
    volume.state = 'Ready'
  }

  /** With its VM: the root is deleted, whatever it holds, and data disks are let go (UserVmManagerImpl.expunge). */
  async expungeVm(vm: Vm): Promise<void> {
    for (const volume of this.#site.volumesOf(vm)) {
      const isRoot = volume.deviceId === rootDeviceId
      this.beforeChange()
      volume.vm = null
      volume.deviceId = null
      if (!isRoot) continue
      this.#site.lostWithVm.push(volume.id)
      if (volume.isPlaced) await this.#storage.remove(volume.id)
      this.#site.remove(volume)
    }
    this.#site.removeVm(vm)
  }

  async grow(volume: Volume, sizeGib: number): Promise<void> {
    const sizeBytes = sizeGib * gib
    if (volume.type === 'ROOT' || volume.offering?.sizeGib !== null)
      throw invalidValue(`Volume ${volume.id} has an offering that does not allow a custom size`)
    if (volume.state !== 'Allocated' && volume.state !== 'Ready')
      throw invalidValue('Volume should be in ready or allocated state before attempting a resize.')
    if (sizeBytes < volume.sizeBytes) throw invalidValue('Unable to shrink volumes of type QCOW2')
    if (sizeGib > this.#limits.maxVolumeGib)
      throw invalidValue(`Requested size out of range: at most ${this.#limits.maxVolumeGib} GiB`)
    await this.#through(volume, 'Resizing', async () => {
      await this.#storage.grow(volume.id, sizeBytes)
      await this.#devices.resized(volume.id, sizeBytes)
      this.beforeChange()
      volume.sizeBytes = sizeBytes
    })
  }

  /** To the state Destroy, from which `recover` brings it back. */
  destroy(volume: Volume): void {
    this.#checkRemovable(volume)
    this.beforeChange()
    volume.state = 'Destroy'
  }

  recover(volume: Volume): void {
    if (volume.state !== 'Destroy') throw invalidValue('Please specify a volume in Destroy state.')
    this.beforeChange()
    volume.state = volume.isPlaced ? 'Ready' : 'Allocated'
  }

  /** Resolves when the volume is on its way out; its entry goes at once or after the delay of the options. */
  async expunge(volume: Volume): Promise<void> {
    this.#checkRemovable(volume)
    this.beforeChange()
    volume.state = 'Expunging'
    // A root that never started lies nowhere.
    await this.#storage.remove(volume.id)
    if (this.#limits.expungeDelayMs === 0) {
      this.#site.remove(volume)
      return
    }
    const gone: Promise<void> = after(this.#limits.expungeDelayMs, undefined, {
      signal: this.#closed.signal,
    })
      .then(
        () => {
          this.beforeChange()
          this.#site.remove(volume)
        },
        () => undefined,
      )
      .finally(() => this.#expunging.delete(gone))
    this.#expunging.add(gone)
  }

  #checkRemovable(volume: Volume): void {
    if (volume.vm !== null) throw invalidValue('Please specify a volume that is not attached to any VM.')
    if (volume.state === 'Expunging' || volume.state === 'Attaching' || volume.state === 'Resizing')
      throw internalError(`Failed to delete volume ${volume.id} in state ${volume.state}`)
  }

  async close(): Promise<void> {
    this.#closed.abort()
    await Promise.all(this.#expunging)
  }
}
