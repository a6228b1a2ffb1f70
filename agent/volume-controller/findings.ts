import { makerOfVolumeName } from '../domain/names.js'
import { serialOfVolume, type VolumeId, type VolumeSerial } from '../domain/ids.js'
import { type CloudVolume, type LocalDevice, type LocalExport } from './deps.js'

export type FindingKind =
  /** Made by us, and nothing recorded needs it. */
  | 'orphan-volume'
  /** Open, and no pass is under way that writes to it. */
  | 'orphan-export'
  /** Recorded, and CloudStack has no such volume. */
  | 'lost-volume'
  | 'moved-volume'
  /** CloudStack has it attached here, and there is no device. */
  | 'missing-device'
  /** There is a device, and CloudStack has nothing of that serial attached here. */
  | 'unknown-device'
  | 'unproven-device'

export interface Finding {
  readonly kind: FindingKind
  /** A volume's id, or a serial where no id is known. */
  readonly subject: string
  readonly what: string
}

export interface Observed {
  readonly applianceVmId: string
  readonly volumes: readonly CloudVolume[]
  readonly devices: readonly LocalDevice[]
  readonly doubts: readonly { readonly serial: VolumeSerial; readonly why: string }[]
  readonly exports: readonly LocalExport[]
}

/** Read after everything was observed, so that what was made meanwhile is recorded by then. */
export interface Recorded {
  /** Made by operations. */
  readonly volumes: readonly { readonly id: VolumeId; readonly vmId: string | null }[]
  /** Of replication jobs. */
  readonly replicas: readonly { readonly id: VolumeId; readonly passRuns: boolean }[]
  /** Of unfinished operations. */
  readonly busy: ReadonlySet<string>
  /** Jobs and operations of this installation that give volumes names; true: it may be making one now. */
  readonly makers: ReadonlyMap<string, boolean>
}

/** Compares both ways. Volumes that something works on are left out: they are about to change. */
export function findingsOf(observed: Observed, recorded: Recorded): readonly Finding[] {
  return [...volumeFindings(observed, recorded), ...deviceFindings(observed, recorded)]
}

function* volumeFindings({ volumes }: Observed, recorded: Recorded): Generator<Finding> {
  const seen = new Map(volumes.map(volume => [volume.id, volume]))
  const needed = new Set<string>([...recorded.volumes, ...recorded.replicas].map(({ id }) => id))
  for (const volume of volumes) {
    if (needed.has(volume.id) || recorded.busy.has(volume.id)) continue
    const maker = makerOfVolumeName(volume.name)
    const isMaking = maker === undefined ? undefined : recorded.makers.get(maker)
    if (isMaking === true || (!volume.isOurs && isMaking === undefined)) continue
    const why = volume.isOurs ? 'carries our tag' : 'has a name that only we give'
    const what = `volume ${volume.id} (${volume.name}) ${why}, and nothing needs it`
    yield { kind: 'orphan-volume', subject: volume.id, what }
  }
  for (const id of needed)
    if (!seen.has(id as VolumeId) && !recorded.busy.has(id))
      yield { kind: 'lost-volume', subject: id, what: `CloudStack has no volume ${id}, which is recorded` }
  for (const { id, vmId } of recorded.volumes) {
    const now = seen.get(id)
    if (now === undefined || recorded.busy.has(id) || (now.vmId ?? null) === vmId) continue
    const what = `volume ${id} is recorded as ${placeOf(vmId)}, and is ${placeOf(now.vmId ?? null)}`
    yield { kind: 'moved-volume', subject: id, what }
  }
}

function* deviceFindings(observed: Observed, recorded: Recorded): Generator<Finding> {
  const bySerial = new Map(observed.volumes.map(volume => [serialOfVolume(volume.id), volume]))
  const isHere = (volume: CloudVolume | undefined): boolean => volume?.vmId === observed.applianceVmId
  const isBusy = (id: string): boolean => recorded.busy.has(id)
  const present = new Set([...observed.devices, ...observed.doubts].map(({ serial }) => serial))
  for (const { serial, why } of observed.doubts) yield { kind: 'unproven-device', subject: serial, what: why }
  for (const { serial, path } of observed.devices) {
    const volume = bySerial.get(serial)
    if (isHere(volume) || (volume !== undefined && isBusy(volume.id))) continue
    const what = `${path} carries serial ${serial}, and CloudStack has no such volume attached here`
    yield { kind: 'unknown-device', subject: serial, what }
  }
  for (const volume of observed.volumes) {
    // A root disk may have a serial that the guest does not show; the appliance's own is not ours to look after.
    if (!isHere(volume) || volume.deviceId === 0 || isBusy(volume.id)) continue
    if (present.has(serialOfVolume(volume.id))) continue
    const what = `volume ${volume.id} is attached here, and has no device`
    yield { kind: 'missing-device', subject: volume.id, what }
  }
  const writing = new Set(recorded.replicas.filter(one => one.passRuns).map(({ id }) => serialOfVolume(id)))
  for (const { serial } of observed.exports) {
    const id = bySerial.get(serial)?.id
    if (writing.has(serial) || (id !== undefined && isBusy(id))) continue
    const what = `volume ${id ?? serial} is exported, and no pass writes to it`
    yield { kind: 'orphan-export', subject: id ?? serial, what }
  }
}

const placeOf = (vmId: string | null): string => (vmId === null ? 'detached' : `attached to VM ${vmId}`)
