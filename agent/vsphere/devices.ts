import { changeId, diskKey, type ChangeId, type DiskKey } from '../domain/ids.js'
import { KIB, type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { child, childrenOf, textOf, typeOf, unfold, wholeOf, type Node } from './vim-xml.js'

/** A virtual disk as `config.hardware.device` of a VM or of a snapshot describes it. */
export interface DiskDevice {
  readonly key: DiskKey
  readonly label: string
  readonly capacityBytes: Bytes
  /** Empty when the backing has none; vCenter gives every file-backed disk one. */
  readonly backingUuid: string
  readonly fileName: string
  readonly changeId: ChangeId | null
  /** Whether a snapshot of the VM freezes this disk. */
  readonly snapshotable: boolean
}

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
  return {
    key: diskKey(key.toString()),
    label: textOf(child(device, 'deviceInfo'), 'label') ?? `disk ${key}`,
    capacityBytes: capacityOf(device),
    backingUuid: textOf(backing, 'uuid') ?? '',
    fileName: textOf(backing, 'fileName') ?? '',
    changeId: change === '' ? null : changeId(change),
    snapshotable: !onSharedBus && isSnapshotable(backing),
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

/** Independent disks, physical raw mappings, disks without a file and disks shared between VMs have no snapshots. */
function isSnapshotable(backing: Node | undefined): boolean {
  const mode = textOf(backing, 'diskMode') ?? 'persistent'
  const sharing = textOf(backing, 'sharing') ?? 'sharingNone'
  return (
    mode === 'persistent' &&
    sharing === 'sharingNone' &&
    textOf(backing, 'compatibilityMode') !== 'physicalMode' &&
    (textOf(backing, 'fileName') ?? '') !== ''
  )
}
