import { type Hardware } from '../domain/hardware.js'
import { AppError } from '../errors.js'
import { disksOf } from './devices.js'
import { readObject, readVm, vmRef, type ObjectProperties } from './properties.js'
import { type VimSession } from './session.js'
import {
  child,
  childrenOf,
  descend,
  flag,
  text,
  textOf,
  typeOf,
  unfold,
  wholeOf,
  type Node,
} from './vim-xml.js'

const configPaths = [
  'config.hardware.numCPU',
  'config.hardware.numCoresPerSocket',
  'config.hardware.memoryMB',
  'config.hardware.device',
  'config.firmware',
  'config.bootOptions',
  'config.version',
  'config.guestId',
  'config.guestFullName',
]
export const toolsPaths = ['guest.toolsRunningStatus', 'guest.toolsVersionStatus2', 'guest.toolsVersion']

/**
 * The hardware the snapshot froze, or that of the VM itself (null). What the guest tells of its Tools is never part of a
 * snapshot and always read from the VM.
 */
export async function readHardware(
  session: VimSession,
  moref: string,
  snapshotMoref: string | null,
  signal: AbortSignal,
): Promise<Hardware> {
  const vm = vmRef(moref)
  const config =
    snapshotMoref === null
      ? await readVm(session, vm, configPaths, signal)
      : await readObject(session, { type: 'VirtualMachineSnapshot', id: snapshotMoref }, configPaths, signal)
  const tools = toolsOf(await readVm(session, vm, toolsPaths, signal))
  const devices = childrenOf(config.get('config.hardware.device'), 'VirtualDevice').map(device => ({
    type: typeOf(device) ?? '',
    device: unfold(device),
  }))
  const said = (path: string): string => textAt(config.get(path))
  return {
    cpuCount: wholeAt(said('config.hardware.numCPU')),
    coresPerSocket: wholeAt(said('config.hardware.numCoresPerSocket')),
    memoryMib: wholeAt(said('config.hardware.memoryMB')),
    firmware: said('config.firmware'),
    secureBoot: flag(child(config.get('config.bootOptions'), 'efiSecureBootEnabled')) ?? false,
    hardwareVersion: said('config.version'),
    guestId: said('config.guestId'),
    guestName: said('config.guestFullName'),
    tools,
    controllers: devices.filter(({ type }) => diskController.test(type)).map(controllerOf),
    nics: devices.filter(({ device }) => textOf(device, 'macAddress') !== undefined).map(nicOf),
    disks: disksOf(config.get('config.hardware.device')).map(disk => ({
      key: disk.key,
      label: disk.label,
      capacityBytes: disk.capacityBytes.toString(),
      controllerKey: disk.controllerKey,
      unitNumber: disk.unitNumber,
      backingUuid: disk.backingUuid,
    })),
  }
}

/** Unknown: the server does not tell, or tells something we do not know. */
export function toolsOf(vm: ObjectProperties): Hardware['tools'] {
  const told = (path: string): string => (vm.refusal(path) === undefined ? textAt(vm.get(path)) : '')
  const version = told('guest.toolsVersion')
  return {
    state: toolsState(told('guest.toolsRunningStatus'), told('guest.toolsVersionStatus2')),
    version: version === '' || version === '0' ? null : version,
  }
}

function toolsState(running: string, version: string): Hardware['tools']['state'] {
  if (running === 'guestToolsRunning' || running === 'guestToolsExecutingScripts') return 'running'
  if (version === 'guestToolsNotInstalled') return 'not-installed'
  return running === 'guestToolsNotRunning' ? 'not-running' : 'unknown'
}

/** Controllers disks can hang on; a VM has others that no twin needs. */
const diskController = /SCSI|LsiLogic|BusLogic|AHCI|SATA|NVME|IDE/

interface TypedDevice {
  readonly type: string
  readonly device: Node
}

const keyOf = (device: Node): string => {
  const key = wholeOf(device, 'key')
  if (key === undefined) throw new AppError('VSPHERE_PROTOCOL', 'a device has no key')
  return key.toString()
}

const labelOf = (device: Node): string => textOf(child(device, 'deviceInfo'), 'label') ?? ''

const controllerOf = ({ type, device }: TypedDevice): Hardware['controllers'][number] => ({
  key: keyOf(device),
  type,
  label: labelOf(device),
  busNumber: wholeAt(textOf(device, 'busNumber') ?? ''),
  sharedBus: textOf(device, 'sharedBus') ?? null,
})

const nicOf = ({ type, device }: TypedDevice): Hardware['nics'][number] => ({
  key: keyOf(device),
  label: labelOf(device),
  type,
  macAddress: textOf(device, 'macAddress') ?? '',
  network: networkOf(child(device, 'backing')),
})

/** The network's name, the key of a distributed port group, or the id of an opaque network. */
const networkOf = (backing: Node | undefined): string =>
  textOf(backing, 'deviceName') ??
  textOf(descend(backing, 'port'), 'portgroupKey') ??
  textOf(backing, 'opaqueNetworkId') ??
  ''

const textAt = (node: Node | undefined): string => (node === undefined ? '' : text(node))

const wholeAt = (found: string): number | null => (/^\d{1,9}$/.test(found.trim()) ? Number(found) : null)
