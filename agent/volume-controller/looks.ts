import { basename } from 'node:path'
import { serialOfVolume, targetVmId, volumeId, type VolumeId } from '../domain/ids.js'
import { AppError } from '../errors.js'
import { type CloudVolume, type CloudVolumes, type LocalDevice, type LocalExport } from './deps.js'

/** What was seen, or why nothing could be seen; the two are never mixed up. */
export type Looked<T> =
  { readonly kind: 'seen'; readonly value: T } | { readonly kind: 'unknown'; readonly why: string }

export interface RecordedVolume {
  readonly id: VolumeId
  readonly name: string
  readonly vmId: string | null
}

export interface LooksDeps {
  readonly cloud: CloudVolumes
  readonly daemon: {
    readonly devices: (signal: AbortSignal) => Promise<{
      readonly items: readonly LocalDevice[]
      readonly doubts: readonly { readonly serial: string; readonly why: string }[]
    }>
    readonly exports: (signal: AbortSignal) => Promise<readonly LocalExport[]>
    readonly health: (signal: AbortSignal) => Promise<DaemonHealth>
  }
  readonly recorded: {
    readonly volume: (id: VolumeId) => Promise<RecordedVolume | undefined>
    readonly jobOf: (id: VolumeId) => Promise<string | undefined>
  }
}

export interface DaemonHealth {
  readonly openExports: number
  readonly opened: number
  readonly lost: number
  readonly fenced: number
}

/** Volumes as they are: CloudStack, the volume daemon and the database side by side. Nothing is changed by looking. */
export function volumeLooks(deps: LooksDeps) {
  const { cloud, daemon } = deps
  return {
    status: (id: string, signal: AbortSignal) => statusOf(deps, volumeId(id), signal),
    device: async (id: string, signal: AbortSignal) => {
      const { items, doubts } = await daemon.devices(signal)
      const serial = serialOfVolume(volumeId(id))
      const doubt = doubts.find(one => one.serial === serial)
      if (doubt !== undefined) throw new AppError('VOLUME_IDENTITY_MISMATCH', `volume ${id}: ${doubt.why}`)
      const device = items.find(one => one.serial === serial)
      if (device === undefined) throw new AppError('VOLUME_UNKNOWN', `no device here is volume ${id}`)
      return deviceView(device)
    },
    ofDevice: async (name: string, signal: AbortSignal) => {
      const { items } = await daemon.devices(signal)
      const device = items.find(one => one.name === name || basename(one.path) === name)
      if (device === undefined) throw new AppError('VOLUME_UNKNOWN', `no proven device is called ${name}`)
      const here = await cloud.ofVm(await cloud.applianceVmId(), signal)
      const volume = here.find(one => serialOfVolume(one.id) === device.serial)
      if (volume === undefined)
        throw new AppError('VOLUME_UNKNOWN', `device ${name}: CloudStack attached no volume ${device.serial}`)
      return cloudView(volume)
    },
    ofVm: async (vm: string, signal: AbortSignal) =>
      (await cloud.ofVm(targetVmId(vm), signal)).map(cloudView),
    exports: async (signal: AbortSignal) => (await daemon.exports(signal)).map(exportView),
    health: async (signal: AbortSignal) => ({
      daemon: await looked(signal, () => daemon.health(signal)),
      cloud: await looked(signal, async () => {
        const volumes = await cloud.ofVm(await cloud.applianceVmId(), signal)
        return { applianceVolumes: volumes.length }
      }),
    }),
  }
}

async function statusOf({ cloud, daemon, recorded }: LooksDeps, id: VolumeId, signal: AbortSignal) {
  const serial = serialOfVolume(id)
  const inCloud = await looked(signal, async () => {
    const volume = await cloud.find(id, signal)
    return volume === undefined ? null : cloudView(volume)
  })
  const device = await looked(signal, async () => {
    const { items, doubts } = await daemon.devices(signal)
    const doubt = doubts.find(one => one.serial === serial)
    if (doubt !== undefined) throw new AppError('VOLUME_IDENTITY_MISMATCH', doubt.why)
    const found = items.find(one => one.serial === serial)
    return found === undefined ? null : deviceView(found)
  })
  const exported = await looked(signal, async () => {
    const found = (await daemon.exports(signal)).find(one => one.serial === serial)
    return found === undefined ? null : exportView(found)
  })
  const known = await recorded.volume(id)
  const applianceVmId = await looked(signal, () => cloud.applianceVmId())
  return {
    volumeId: id as string,
    cloud: inCloud,
    device,
    export: exported,
    recorded: known === undefined ? null : { name: known.name, vmId: known.vmId },
    jobId: (await recorded.jobOf(id)) ?? null,
    drift: [...differences({ inCloud, device, known, applianceVmId })],
  }
}

/** What is unknown differs from nothing. */
function* differences(seen: {
  readonly inCloud: Looked<ReturnType<typeof cloudView> | null>
  readonly device: Looked<object | null>
  readonly known: RecordedVolume | undefined
  readonly applianceVmId: Looked<string>
}): Generator<string> {
  const { inCloud, device, known, applianceVmId } = seen
  if (inCloud.kind === 'unknown') return
  const volume = inCloud.value
  if (known !== undefined && volume === null) yield 'it is recorded, and CloudStack has no such volume'
  if (known !== undefined && volume !== null && volume.vmId !== known.vmId)
    yield `it is recorded as ${attachedTo(known.vmId)}, and is ${attachedTo(volume.vmId)}`
  if (device.kind === 'unknown' || applianceVmId.kind === 'unknown') return
  const isHere = volume?.vmId === applianceVmId.value
  if (isHere && device.value === null) yield 'CloudStack has it attached here, and it has no device'
  if (!isHere && device.value !== null) yield 'it has a device here, and CloudStack has it attached elsewhere'
}

const attachedTo = (vmId: string | null): string => (vmId === null ? 'detached' : `attached to VM ${vmId}`)

/** A failure of ours is what could not be seen; a bug, the database's silence or a caller who left is passed on. */
async function looked<T>(signal: AbortSignal, look: () => Promise<T>): Promise<Looked<T>> {
  try {
    return { kind: 'seen', value: await look() }
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof AppError) || error.code === 'STORE_UNAVAILABLE') throw error
    return { kind: 'unknown', why: `${error.code}: ${error.message}` }
  }
}

const cloudView = (volume: CloudVolume) => ({
  id: volume.id as string,
  name: volume.name,
  sizeBytes: volume.sizeBytes.toString(),
  vmId: volume.vmId ?? null,
  deviceId: volume.deviceId ?? null,
  isOurs: volume.isOurs,
})
const deviceView = ({ path, name, sizeBytes }: LocalDevice) => ({
  path,
  name,
  sizeBytes: sizeBytes.toString(),
})
const exportView = ({ serial, sizeBytes, fence }: LocalExport) => ({
  serial: serial as string,
  sizeBytes: sizeBytes.toString(),
  fenceToken: fence.toString(),
})
