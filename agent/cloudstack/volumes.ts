import { isUuid, volumeId, type VolumeId } from '../domain/ids.js'
import { GIB, roundUp, type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { isFields, type CloudstackApi, type Fields } from './api.js'

export interface CloudstackVolume {
  readonly id: VolumeId
  readonly name: string
  readonly sizeBytes: Bytes
  /** The VM it is attached to; undefined: none. */
  readonly vmId: string | undefined
}

export interface VolumePlace {
  readonly zoneId: string
  /** The VM this appliance is in CloudStack. */
  readonly applianceVmId: string
  /** A custom disk offering: its size is given at creation. */
  readonly diskOfferingId: string
}

/** Volumes of the appliance. Every method looks first and may be repeated after a crash or an unknown outcome. */
export class CloudstackVolumes {
  readonly #api: CloudstackApi
  readonly #place: VolumePlace

  constructor(api: CloudstackApi, place: VolumePlace) {
    this.#api = api
    this.#place = place
  }

  async find(id: VolumeId, signal: AbortSignal): Promise<CloudstackVolume | undefined> {
    try {
      const found = await this.#settled({ id }, signal)
      return found.find(volume => volume.id === id)
    } catch (error) {
      if (error instanceof AppError && error.code === 'CLOUDSTACK_FAULT' && unknownId.test(error.message))
        return undefined
      throw error
    }
  }

  async findByName(name: string, signal: AbortSignal): Promise<readonly VolumeId[]> {
    return (await this.#named(name, signal)).map(volume => volume.id)
  }

  /** The one volume of this name, made if there is none; sizes are rounded up to whole GiB, which is what CloudStack takes. */
  async ensure(name: string, sizeBytes: Bytes, signal: AbortSignal): Promise<CloudstackVolume> {
    const existing = await this.#onlyNamed(name, signal)
    if (existing !== undefined) return existing
    const { zoneId, diskOfferingId } = this.#place
    const size = (roundUp(sizeBytes, GIB) / GIB).toString()
    await this.#api.callJob(
      'createVolume',
      { name, zoneid: zoneId, diskofferingid: diskOfferingId, size },
      signal,
    )
    const created = await this.#onlyNamed(name, signal)
    if (created === undefined)
      throw new AppError('CLOUDSTACK_FAULT', `volume ${name} was created but is not listed`)
    return created
  }

  /** At least `sizeBytes` large, in whole GiB; CloudStack grows a volume where it is, also under a running VM. */
  async grow(id: VolumeId, sizeBytes: Bytes, signal: AbortSignal): Promise<void> {
    const wanted = roundUp(sizeBytes, GIB)
    if ((await this.#existing(id, signal)).sizeBytes >= wanted) return
    await this.#api.callJob('resizeVolume', { id, size: (wanted / GIB).toString() }, signal)
    const { sizeBytes: grown } = await this.#existing(id, signal)
    if (grown < sizeBytes)
      throw new AppError('CLOUDSTACK_FAULT', `volume ${id} was resized to ${wanted} bytes but has ${grown}`)
  }

  /** Attached to this appliance. A volume of another VM is refused, never taken away. */
  async ensureAttached(id: VolumeId, signal: AbortSignal): Promise<void> {
    const volume = await this.#existing(id, signal)
    if (volume.vmId === this.#place.applianceVmId) return
    if (volume.vmId !== undefined)
      throw new AppError('VOLUME_BUSY', `volume ${id} is attached to VM ${volume.vmId}`)
    await this.#api.callJob('attachVolume', { id, virtualmachineid: this.#place.applianceVmId }, signal)
  }

  /** Detached from this appliance and deleted; absent is removed. A volume of another VM is refused. */
  async remove(id: VolumeId, signal: AbortSignal): Promise<void> {
    const volume = await this.find(id, signal)
    if (volume === undefined) return
    if (volume.vmId === this.#place.applianceVmId) await this.#api.callJob('detachVolume', { id }, signal)
    else if (volume.vmId !== undefined) {
      throw new AppError('VOLUME_BUSY', `volume ${id} is attached to VM ${volume.vmId}`)
    }
    await this.#api.call('deleteVolume', { id }, signal)
  }

  async #existing(id: VolumeId, signal: AbortSignal): Promise<CloudstackVolume> {
    const volume = await this.find(id, signal)
    if (volume === undefined) throw new AppError('VOLUME_UNKNOWN', `CloudStack has no volume ${id}`)
    return volume
  }

  async #onlyNamed(name: string, signal: AbortSignal): Promise<CloudstackVolume | undefined> {
    const found = await this.#named(name, signal)
    if (found.length > 1)
      throw new AppError('CLOUDSTACK_FAULT', `CloudStack has ${found.length} volumes named ${name}`)
    return found[0]
  }

  /** CloudStack's `name` filter is not an exact match everywhere, so the exact ones are picked here. */
  async #named(name: string, signal: AbortSignal): Promise<readonly CloudstackVolume[]> {
    return (await this.#settled({ name }, signal)).filter(volume => volume.name === name)
  }

  /**
   * The volumes when no job works on them. A job whose start was not answered, or that an ended process began, may still
   * change what is listed; to act on it then would be to act twice.
   */
  async #settled(
    filter: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<readonly CloudstackVolume[]> {
    const ended = new Set<string | undefined>([undefined])
    for (;;) {
      const listed = await this.#list(filter, signal)
      const pending = listed.map(({ pendingJob }) => pendingJob).find(job => !ended.has(job))
      if (pending === undefined) return listed.map(({ volume }) => volume)
      await this.#end(pending, signal)
      ended.add(pending)
    }
  }

  /** How the job ended does not count, nor that CloudStack has forgotten it: the list is read again. */
  async #end(job: string, signal: AbortSignal): Promise<void> {
    try {
      await this.#api.awaitJob('job of a volume', job, signal)
    } catch (error) {
      if (!(error instanceof AppError) || error.code !== 'CLOUDSTACK_FAULT') throw error
    }
  }

  async #list(
    filter: Readonly<Record<string, string>>,
    signal: AbortSignal,
  ): Promise<readonly ListedVolume[]> {
    const reply = await this.#api.call('listVolumes', { listall: 'true', ...filter }, signal)
    // An empty list has no `volume` at all.
    const list = reply['volume'] ?? []
    if (!Array.isArray(list)) throw new AppError('CLOUDSTACK_PROTOCOL', 'listVolumes: volume is not a list')
    return list.filter(isAlive).map(listedVolume)
  }
}

/** CloudStack answers an id it does not know with error 431 and this text, not with an empty list. */
const unknownId = /entity does not exist/i

/** A volume on its way out is still listed for a while; it must never be taken for the one of that name. */
const dying = new Set(['Destroy', 'Destroying', 'Expunging', 'Expunged'])
const isAlive = (value: unknown): boolean =>
  !(isFields(value) && typeof value['state'] === 'string' && dying.has(value['state']))

interface ListedVolume {
  readonly volume: CloudstackVolume
  /** CloudStack names the job that works on a volume; undefined: none. */
  readonly pendingJob: string | undefined
}

function listedVolume(value: unknown): ListedVolume {
  const fields: Fields = isFields(value) ? value : {}
  const { jobid, jobstatus } = fields
  const pendingJob = typeof jobid === 'string' && jobstatus === 0 ? jobid : undefined
  return { volume: volumeFrom(fields), pendingJob }
}

function volumeFrom(fields: Fields): CloudstackVolume {
  const { id, name, size, virtualmachineid } = fields
  const whole = typeof size === 'number' && Number.isSafeInteger(size) && size >= 0
  if (typeof id !== 'string' || !isUuid(id) || typeof name !== 'string' || !whole) {
    throw new AppError('CLOUDSTACK_PROTOCOL', 'listVolumes: a volume without a proper id, name or size')
  }
  return {
    id: volumeId(id),
    name,
    sizeBytes: BigInt(size),
    vmId: typeof virtualmachineid === 'string' ? virtualmachineid : undefined,
  }
}
