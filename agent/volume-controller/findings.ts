import { makerOfVolumeName, setOfSnapshotName } from '../domain/names.js'
import { serialOfVolume, type SnapshotId, type VolumeId, type VolumeSerial } from '../domain/ids.js'
import { type CloudSnapshot, type CloudVolume, type LocalDevice, type LocalExport } from './deps.js'

export type FindingKind =
  /** Made by us, and nothing recorded needs it. */
  | 'orphan-volume'
  /** Open, and no pass is under way that writes to it. */
  | 'orphan-export'
  /** Of a set of ours, and recorded by none. */
  | 'orphan-snapshot'
  /** It carries our tag, and no set gives such a name: only a person can tell what it is for. */
  | 'unknown-snapshot'
  /** Recorded as a way back, and CloudStack has no such snapshot. */
  | 'lost-snapshot'
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
  /** The id of a volume or of a snapshot, or a serial where no id is known. */
  readonly subject: string
  readonly what: string
}

export interface Observed {
  readonly applianceVmId: string
  readonly volumes: readonly CloudVolume[]
  readonly devices: readonly LocalDevice[]
  readonly doubts: readonly { readonly serial: VolumeSerial; readonly why: string }[]
  readonly exports: readonly LocalExport[]
  readonly snapshots: readonly CloudSnapshot[]
}

/** Read after everything was observed, so that what was made meanwhile is recorded by then. */
export interface Recorded {
  /** Made by operations. */
  readonly volumes: readonly { readonly id: VolumeId; readonly vmId: string | null }[]
  /** Of replication jobs. */
  readonly replicas: readonly { readonly id: VolumeId; readonly passRuns: boolean }[]
  readonly snapshots: readonly {
    readonly id: SnapshotId
    readonly volumeId: VolumeId
    readonly setId: string
  }[]
  /** Sets that are being taken or reverted: what they have made or are about to remove need not be recorded. */
  readonly busySets: ReadonlySet<string>
  /** Of unfinished operations. */
  readonly busy: ReadonlySet<string>
  /** Jobs and operations of this installation that give volumes names; true: it may be making one now. */
  readonly makers: ReadonlyMap<string, boolean>
}

/** Compares both ways. Volumes that something works on are left out: they are about to change. */
export function findingsOf(observed: Observed, recorded: Recorded): readonly Finding[] {
  return [
    ...volumeFindings(observed, recorded),
    ...snapshotFindings(observed, recorded),
    ...deviceFindings(observed, recorded),
  ]
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

function* snapshotFindings({ snapshots }: Observed, recorded: Recorded): Generator<Finding> {
  const needed = new Set<string>(recorded.snapshots.map(({ id }) => id))
  const present = new Set<string>(snapshots.map(({ id }) => id))
  for (const { id, name, volumeId, isOurs } of snapshots) {
    if (!isOurs || needed.has(id) || (volumeId !== undefined && recorded.busy.has(volumeId))) continue
    const set = setOfSnapshotName(name)
    if (set !== undefined && recorded.busySets.has(set)) continue
    const what = `snapshot ${id} (${name}) carries our tag, and no set records it`
    // Without its volume nothing can be asked for.
    const kind = set === undefined || volumeId === undefined ? 'unknown-snapshot' : 'orphan-snapshot'
    yield { kind, subject: id, what }
  }
  for (const { id, volumeId, setId } of recorded.snapshots)
    if (!present.has(id) && !recorded.busySets.has(setId)) {
      const what = `CloudStack has no snapshot ${id}, which is recorded as the way back of volume ${volumeId}`
      yield { kind: 'lost-snapshot', subject: id, what }
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
