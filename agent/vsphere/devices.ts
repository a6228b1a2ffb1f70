import { changeId, diskKey, type ChangeId, type DiskKey } from '../domain/ids.js'
import { KIB, type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import {
  child,
  childrenOf,
  refOf,
  textOf,
  typeOf,
  unfold,
  wholeOf,
  type MoRef,
  type Node,
} from './vim-xml.js'

/** A virtual disk as `config.hardware.device` of a VM or of a snapshot describes it. */
export interface DiskDevice {
  readonly key: DiskKey
  readonly label: string
  readonly capacityBytes: Bytes
  /** Empty when the backing has none; vCenter gives every file-backed disk one. */
  readonly backingUuid: string
  readonly fileName: string
  /** The file under all snapshots: it stays the same while snapshots come and go. */
  readonly baseFile: string
  readonly changeId: ChangeId | null
  /** Whether a snapshot of the VM freezes this disk; true when there is no obstacle. */
  readonly snapshotable: boolean
  readonly obstacle: SnapshotObstacle | null
  readonly controllerKey: string
  readonly unitNumber: number | null
  readonly isEncrypted: boolean
  /** Null where the backing names none. */
  readonly datastore: MoRef | null
}

/** Why no snapshot freezes a disk. */
export type SnapshotObstacle = 'independent' | 'raw-physical' | 'shared-bus' | 'multi-writer' | 'no-file'

/** From the value of `config.hardware.device`; undefined: the VM has no devices. */
export function disksOf(devices: Node | undefined): readonly DiskDevice[] {
  const all = childrenOf(devices, 'VirtualDevice')
  const shared = new Set(
    all
      .filter(device => typeOf(device) !== 'VirtualDisk')
      .map(unfold)
      .filter(isSharedBus)
      .map(device => textOf(device, 'key')),
  )
  return disksIn(all).map(disk => diskOf(disk, shared.has(textOf(disk, 'controllerKey'))))
}

/** Virtual capacity of all disks; for lists, where nothing else of a disk is wanted. */
export const capacitiesOf = (devices: Node | undefined): readonly Bytes[] =>
  disksIn(childrenOf(devices, 'VirtualDevice')).map(capacityOf)

const disksIn = (devices: readonly Node[]): readonly Node[] =>
  devices.filter(device => typeOf(device) === 'VirtualDisk').map(unfold)

/** Controllers whose bus other VMs share: vSphere takes no snapshots of their disks. */
const isSharedBus = (device: Node): boolean => {
  const sharing = textOf(device, 'sharedBus')
  return sharing !== undefined && sharing !== 'noSharing'
}

function diskOf(device: Node, onSharedBus: boolean): DiskDevice {
  const key = wholeOf(device, 'key')
  if (key === undefined) throw new AppError('VSPHERE_PROTOCOL', 'a disk has no key')
  const backing = child(device, 'backing')
  const change = textOf(backing, 'changeId') ?? ''
  const obstacle = onSharedBus ? 'shared-bus' : obstacleOf(backing)
  const unit = wholeOf(device, 'unitNumber')
  const datastore = child(backing, 'datastore')
  return {
    key: diskKey(key.toString()),
    label: textOf(child(device, 'deviceInfo'), 'label') ?? `disk ${key}`,
    capacityBytes: capacityOf(device),
    backingUuid: textOf(backing, 'uuid') ?? '',
    fileName: textOf(backing, 'fileName') ?? '',
    baseFile: baseFileOf(backing),
    changeId: change === '' ? null : changeId(change),
    snapshotable: obstacle === null,
    obstacle,
    controllerKey: textOf(device, 'controllerKey') ?? '',
    unitNumber: unit === undefined ? null : Number(unit),
    isEncrypted: child(backing, 'keyId') !== undefined,
    datastore: datastore === undefined ? null : refOf(datastore, 'datastore'),
  }
}

/** `capacityInBytes` came with vSphere 5.5; some servers leave it out. */
function capacityOf(device: Node): Bytes {
  const bytes = wholeOf(device, 'capacityInBytes')
  const kib = wholeOf(device, 'capacityInKB')
  const capacity = bytes !== undefined && bytes > 0n ? bytes : kib === undefined ? undefined : kib * KIB
  if (capacity === undefined || capacity < 0n)
    throw new AppError('VSPHERE_PROTOCOL', 'a disk has no capacity')
  return capacity
}

/** Follows the chain of snapshots down to its end. */
function baseFileOf(backing: Node | undefined): string {
  let at = backing
  for (let below = child(at, 'parent'); below !== undefined; below = child(below, 'parent')) at = below
  return textOf(at, 'fileName') ?? ''
}

/** Independent disks, physical raw mappings, disks without a file and disks shared between VMs have no snapshots. */
function obstacleOf(backing: Node | undefined): SnapshotObstacle | null {
  if ((textOf(backing, 'diskMode') ?? 'persistent') !== 'persistent') return 'independent'
  if ((textOf(backing, 'sharing') ?? 'sharingNone') !== 'sharingNone') return 'multi-writer'
  if (textOf(backing, 'compatibilityMode') === 'physicalMode') return 'raw-physical'
  return (textOf(backing, 'fileName') ?? '') === '' ? 'no-file' : null
}
