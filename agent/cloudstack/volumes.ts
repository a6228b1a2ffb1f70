import {
  isUuid,
  targetVmId,
  volumeId,
  type SnapshotId,
  type TargetVmId,
  type VolumeId,
} from '../domain/ids.js'
import { GIB, roundUp, type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { isFields, type CloudstackApi, type Fields } from './api.js'
import { type Changes } from './changes.js'
import { CloudstackError, isUnknownId } from './failure.js'
import { awaitPending, pendingJobOf } from './pending.js'
import { hasTag, ownerTag, tagChange, type Tag } from './tags.js'

export interface CloudstackVolume {
  readonly id: VolumeId
  readonly name: string
  readonly sizeBytes: Bytes
  /** The VM it is attached to; undefined: none. */
  readonly vmId: string | undefined
  /** Where the VM has it; 0 is the root disk. Undefined: attached to none. */
  readonly deviceId: number | undefined
  /** It carries the tag this product gives what it made. */
  readonly isOurs: boolean
}

export interface VolumePlace {
  readonly zoneId: string
  /** The VM this appliance is in CloudStack. */
  readonly applianceVmId: string
  /** A custom disk offering: its size is given at creation. */
  readonly diskOfferingId: string
  readonly installationId: string
}

/** Volumes of the appliance. Every method looks first and may be repeated after a crash or an unknown outcome. */
export class CloudstackVolumes {
  readonly #api: CloudstackApi
  readonly #changes: Changes
  readonly #place: VolumePlace
  readonly #tag: Tag

  constructor(api: CloudstackApi, changes: Changes, place: VolumePlace) {
    this.#api = api
    this.#changes = changes
    this.#place = place
    this.#tag = ownerTag(place.installationId)
  }

  async find(id: VolumeId, signal: AbortSignal): Promise<CloudstackVolume | undefined> {
    try {
      const found = await this.#settled({ id }, signal)
      return found.find(volume => volume.id === id)
    } catch (error) {
      if (isUnknownId(error)) return undefined
      throw error
    }
  }

  async findByName(name: string, signal: AbortSignal): Promise<readonly VolumeId[]> {
    return (await this.#named(name, signal)).map(volume => volume.id)
  }

  /**
   * The one volume of this name, made if there is none, with our tag on it; sizes are rounded up to whole GiB, which is
   * what CloudStack takes. Two of one name reject with CLOUDSTACK_AMBIGUOUS.
   */
  async ensure(name: string, sizeBytes: Bytes, signal: AbortSignal): Promise<CloudstackVolume> {
    const { zoneId, diskOfferingId } = this.#place
    const size = (roundUp(sizeBytes, GIB) / GIB).toString()
    return this.#ensureNamed(name, { zoneid: zoneId, diskofferingid: diskOfferingId, size }, signal)
  }

  /** The one volume of this name, made from a snapshot if there is none, as large as that and with our tag on it. */
  ensureFrom(snapshot: SnapshotId, name: string, signal: AbortSignal): Promise<CloudstackVolume> {
    return this.#ensureNamed(name, { snapshotid: snapshot }, signal)
  }

  async #ensureNamed(
    name: string,
    parameters: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<CloudstackVolume> {
    const volume = await this.#changes.ensure(
      {
        operation: `createVolume ${name}`,
        command: 'createVolume',
        parameters: { name, ...parameters },
        observe: look => this.#onlyNamed(name, look),
      },
      signal,
    )
    return this.#changes.ensure(
      tagChange('Volume', volume.id, this.#tag, async look => {
        const seen = await this.#existing(volume.id, look)
        return seen.isOurs ? seen : undefined
      }),
      signal,
    )
  }

  /** At least `sizeBytes` large, in whole GiB; CloudStack grows a volume where it is, also under a running VM. */
  async grow(id: VolumeId, sizeBytes: Bytes, signal: AbortSignal): Promise<void> {
    const wanted = roundUp(sizeBytes, GIB)
    await this.#changes.ensure(
      {
        operation: `resizeVolume ${id} ${wanted}`,
        command: 'resizeVolume',
        parameters: { id, size: (wanted / GIB).toString() },
        observe: async look => ((await this.#existing(id, look)).sizeBytes >= wanted ? true : undefined),
      },
      signal,
    )
  }

  /** Attached to this appliance. A volume of another VM is refused, never taken away. */
  ensureAttached(id: VolumeId, signal: AbortSignal): Promise<void> {
    return this.attachTo(id, targetVmId(this.#place.applianceVmId), 'data', signal)
  }

  /** A volume of another VM, or one this VM has elsewhere, is refused with VOLUME_BUSY. */
  async attachTo(id: VolumeId, vm: TargetVmId, place: 'data' | 'root', signal: AbortSignal): Promise<void> {
    const isRoot = place === 'root'
    await this.#changes.ensure(
      {
        operation: `attachVolume ${id} ${vm} ${place}`,
        command: 'attachVolume',
        parameters: {
          id,
          virtualmachineid: vm,
          ...(isRoot ? { deviceid: rootDeviceId.toString() } : {}),
        },
        observe: async look => {
          const volume = await this.#existing(id, look)
          refuseForeign(volume, vm)
          if (volume.vmId === undefined) return undefined
          if ((volume.deviceId === rootDeviceId) === isRoot) return true
          const text = `volume ${id} is disk ${volume.deviceId ?? 'of no number'} of VM ${vm}`
          throw new AppError('VOLUME_BUSY', text)
        },
      },
      signal,
    )
  }

  /** Detached from this appliance; absent is detached. A volume of another VM is refused. */
  ensureDetached(id: VolumeId, signal: AbortSignal): Promise<void> {
    return this.detachFrom(id, targetVmId(this.#place.applianceVmId), signal)
  }

  async detachFrom(id: VolumeId, vm: TargetVmId, signal: AbortSignal): Promise<void> {
    await this.#changes.ensure(
      {
        operation: `detachVolume ${id} ${vm}`,
        command: 'detachVolume',
        parameters: { id },
        observe: async look => {
          const volume = await this.find(id, look)
          if (volume === undefined) return true
          refuseForeign(volume, vm)
          return volume.vmId === undefined ? true : undefined
        },
      },
      signal,
    )
  }

  /** All of the account, jobs on them or not. */
  async all(signal: AbortSignal): Promise<readonly CloudstackVolume[]> {
    return (await this.#list({}, signal)).map(fields => volumeFrom(fields, this.#tag))
  }

  /** All that a VM has, its root disk too. */
  async ofVm(vm: TargetVmId, signal: AbortSignal): Promise<readonly CloudstackVolume[]> {
    try {
      const found = await this.#settled({ virtualmachineid: vm }, signal)
      return found.filter(volume => volume.vmId === vm)
    } catch (error) {
      if (isUnknownId(error)) throw new AppError('TARGET_VM_UNKNOWN', `CloudStack has no VM ${vm}`)
      throw error
    }
  }

  /** Detached from this appliance and deleted; absent is removed. What this product did not make is refused. */
  async remove(id: VolumeId, signal: AbortSignal): Promise<void> {
    const volume = await this.find(id, signal)
    if (volume === undefined) return
    // Between its creation and its tag a volume has only its name to show whose it is.
    if (!volume.isOurs && !volume.name.startsWith('ossea-'))
      throw new AppError('VOLUME_NOT_OURS', `volume ${id} (${volume.name}) has no tag ${this.#tag.key}`)
    await this.ensureDetached(id, signal)
    await this.#delete(id, signal)
  }

  /**
   * The disk that a template gave to a VM: detached from that VM and deleted; absent is discarded. One that carries our tag
   * is refused: such a disk never came with a template.
   */
  async discardRoot(id: VolumeId, vm: TargetVmId, signal: AbortSignal): Promise<void> {
    const volume = await this.find(id, signal)
    if (volume === undefined) return
    if (volume.isOurs || volume.name.startsWith('ossea-'))
      throw new AppError('VOLUME_BUSY', `volume ${id} (${volume.name}) is not the disk of a template`)
    await this.detachFrom(id, vm, signal)
    await this.#delete(id, signal)
  }

  async #delete(id: VolumeId, signal: AbortSignal): Promise<void> {
    await this.#changes.ensure(
      {
        operation: `deleteVolume ${id}`,
        command: 'deleteVolume',
        parameters: { id },
        observe: async look => ((await this.find(id, look)) === undefined ? true : undefined),
      },
      signal,
    )
  }

  async #existing(id: VolumeId, signal: AbortSignal): Promise<CloudstackVolume> {
    const volume = await this.find(id, signal)
    if (volume === undefined) throw new AppError('VOLUME_UNKNOWN', `CloudStack has no volume ${id}`)
    return volume
  }

  async #onlyNamed(name: string, signal: AbortSignal): Promise<CloudstackVolume | undefined> {
    const found = await this.#named(name, signal)
    if (found.length > 1) {
      const ids = found.map(({ id }) => id).join(', ')
      throw new AppError('CLOUDSTACK_AMBIGUOUS', `${found.length} volumes named ${name}: ${ids}`)
    }
    return found[0]
  }

  /** CloudStack's `name` filter is not an exact match everywhere, so the exact ones are picked here. */
  async #named(name: string, signal: AbortSignal): Promise<readonly CloudstackVolume[]> {
    return (await this.#settled({ name }, signal)).filter(volume => volume.name === name)
  }

  /** The volumes when no job works on them. */
  async #settled(
    filter: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<readonly CloudstackVolume[]> {
    const volumes = await awaitPending(
      this.#api,
      async look => (await this.#list(filter, look)).map(fields => [pendingJobOf(fields), fields]),
      signal,
    )
    return volumes.map(fields => volumeFrom(fields, this.#tag))
  }

  async #list(filter: Readonly<Record<string, string>>, signal: AbortSignal): Promise<readonly Fields[]> {
    const all = await this.#api.list('listVolumes', 'volume', { listall: 'true', ...filter }, signal)
    return all.filter(isAlive)
  }
}

/** Where a VM has its root disk. */
const rootDeviceId = 0

function refuseForeign({ id, vmId }: CloudstackVolume, vm: TargetVmId): void {
  if (vmId !== undefined && vmId !== vm)
    throw new AppError('VOLUME_BUSY', `volume ${id} is attached to VM ${vmId}, not to ${vm}`)
}

/** A volume on its way out is still listed for a while; it must never be taken for the one of that name. */
const dying = new Set(['Destroy', 'Destroying', 'Expunging', 'Expunged'])
const isAlive = (fields: Fields): boolean =>
  !(typeof fields['state'] === 'string' && dying.has(fields['state']))

function volumeFrom(value: unknown, tag: Tag): CloudstackVolume {
  const fields: Fields = isFields(value) ? value : {}
  const { id, name, size, virtualmachineid, deviceid } = fields
  const whole = typeof size === 'number' && Number.isSafeInteger(size) && size >= 0
  if (typeof id !== 'string' || !isUuid(id) || typeof name !== 'string' || !whole) {
    const text = 'listVolumes: a volume without a proper id, name or size'
    throw new CloudstackError('CLOUDSTACK_PROTOCOL', text, { effect: 'none' })
  }
  return {
    id: volumeId(id),
    name,
    sizeBytes: BigInt(size),
    vmId: typeof virtualmachineid === 'string' ? virtualmachineid : undefined,
    deviceId: typeof deviceid === 'number' ? deviceid : undefined,
    isOurs: hasTag(fields, tag),
  }
}
