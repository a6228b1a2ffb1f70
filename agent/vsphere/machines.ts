import { isUuid, type SourceVmId } from '../domain/ids.js'
import { AppError } from '../errors.js'
import { disksOf, type DiskDevice } from './devices.js'
import { isUnsupported, OutcomeUnknown } from './faults.js'
import { readVm, vmRef, type ObjectProperties } from './properties.js'
import { type VimSession } from './session.js'
import { type Call } from './soap.js'
import { type Tasks } from './tasks.js'
import { childrenOf, element, flag, refOf, text, type MoRef, type Node } from './vim-xml.js'

/** Unknown: vCenter has no current contact to the VM, or names a state we do not know. */
export type PowerState = 'on' | 'off' | 'suspended' | 'unknown'

export interface DescribedVm {
  readonly moref: string
  /** The managed object of its ESXi host; null where vCenter does not tell. */
  readonly host: string | null
  readonly name: string
  readonly power: PowerState
  readonly changeTracking: 'on' | 'off' | 'unsupported'
  readonly disks: readonly DiskDevice[]
  /** Of the VM's configuration; another one means that somebody changed or started the VM. */
  readonly changeVersion: string
}

export const powerPaths = ['runtime.powerState', 'runtime.connectionState'] as const

/** A host that is not connected leaves the last state it told. */
export function powerOf(get: (path: string) => Node | undefined): PowerState {
  const [power, connection] = powerPaths.map(get)
  if (connection !== undefined && text(connection) !== 'connected') return 'unknown'
  switch (power === undefined ? '' : text(power)) {
    case 'poweredOn':
      return 'on'
    case 'poweredOff':
      return 'off'
    case 'suspended':
      return 'suspended'
    default:
      return 'unknown'
  }
}

export async function describeVm(
  session: VimSession,
  vm: SourceVmId,
  signal: AbortSignal,
): Promise<DescribedVm> {
  const ref = await findByUuid(session, vm, signal)
  const paths = [
    'name',
    'config.instanceUuid',
    'config.changeTrackingEnabled',
    'config.changeVersion',
    'config.hardware.device',
    'capability.changeTrackingSupported',
    'runtime.host',
    ...powerPaths,
  ]
  const object = await readVm(session, ref, paths, signal)
  const uuid = object.get('config.instanceUuid')
  if (uuid === undefined)
    throw new AppError('VSPHERE_FAULT', `vCenter cannot read the configuration of ${vm} (${ref.id})`)
  if (text(uuid).toLowerCase() !== vm.toLowerCase())
    throw new AppError('SOURCE_VM_UNKNOWN', `${ref.id} was found for ${vm}, but is ${text(uuid)}`)
  const name = object.get('name')
  const changeVersion = object.get('config.changeVersion')
  const supported = flag(object.get('capability.changeTrackingSupported')) ?? false
  const enabled = flag(object.get('config.changeTrackingEnabled')) ?? false
  return {
    moref: ref.id,
    host: hostOf(object),
    name: name === undefined ? '' : entityName(text(name)),
    power: powerOf(object.get),
    changeTracking: supported ? (enabled ? 'on' : 'off') : 'unsupported',
    disks: disksOf(object.get('config.hardware.device')),
    changeVersion: changeVersion === undefined ? '' : text(changeVersion),
  }
}

const hostOf = (object: ObjectProperties): string | null => {
  const node = object.refusal('runtime.host') === undefined ? object.get('runtime.host') : undefined
  return node === undefined ? null : refOf(node, 'runtime.host').id
}

/** vCenter writes `%`, `/` and `\` in names of its inventory as `%25`, `%2f` and `%5c`. */
export const entityName = (name: string): string =>
  name.replaceAll(/%(25|2f|5c)/gi, (_whole, code: string) => String.fromCharCode(parseInt(code, 16)))

/** Asks for all matches: an ESXi host can hold a copied VM with the same UUID, and then neither may be taken. */
export async function findByUuid(session: VimSession, vm: SourceVmId, signal: AbortSignal): Promise<MoRef> {
  if (!isUuid(vm.toLowerCase())) throw new AppError('SOURCE_VM_UNKNOWN', `${vm} is not an instance UUID`)
  const { searchIndex } = await session.content(signal)
  const args = [element('uuid', vm), element('vmSearch', true), element('instanceUuid', true)]
  const find = (method: string): Promise<Node> =>
    session.call({ method, target: searchIndex, args }, 'safe', signal)
  let response
  try {
    response = await find('FindAllByUuid')
  } catch (error) {
    if (!isUnsupported(error)) throw error
    response = await find('FindByUuid')
  }
  const [one, another] = childrenOf(response, 'returnval')
  if (one === undefined) throw new AppError('SOURCE_VM_UNKNOWN', `looking for instance UUID ${vm}`)
  if (another !== undefined) throw new AppError('VSPHERE_FAULT', `several VMs have the instance UUID ${vm}`)
  return refOf(one, 'FindAllByUuid')
}

/**
 * Rejects with CBT_UNAVAILABLE when the VM has a snapshot: vSphere documents tracking as unreliable when it was switched on
 * above one. Tracking begins with the next snapshot or power-on.
 */
export async function enableChangeTracking(
  session: VimSession,
  tasks: Tasks,
  moref: string,
  signal: AbortSignal,
): Promise<void> {
  const vm = vmRef(moref)
  const paths = ['config.changeTrackingEnabled', 'capability.changeTrackingSupported', 'snapshot']
  const look = async () => {
    const object = await readVm(session, vm, paths, signal)
    return {
      isOn: flag(object.get('config.changeTrackingEnabled')) ?? false,
      isSupported: flag(object.get('capability.changeTrackingSupported')) ?? false,
      hasSnapshot: childrenOf(object.get('snapshot'), 'rootSnapshotList').length > 0,
    }
  }
  const isOn = async (): Promise<boolean> => (await look()).isOn
  const now = await look()
  if (now.isOn) return
  if (!now.isSupported)
    throw new AppError('CBT_UNAVAILABLE', `${moref} does not support it (hardware version below 7)`)
  if (now.hasSnapshot)
    throw new AppError('CBT_UNAVAILABLE', `${moref} has snapshots, so tracking cannot be switched on safely`)
  const call: Call = {
    method: 'ReconfigVM_Task',
    target: vm,
    args: [element('spec', [element('changeTrackingEnabled', true)])],
  }
  try {
    await tasks.run(call, isOn, signal)
  } catch (error) {
    if (!(error instanceof OutcomeUnknown) || (await isOn())) {
      if (error instanceof OutcomeUnknown) return
      throw error
    }
    // Not done, and harmless to do twice.
    await tasks.run(call, isOn, signal)
  }
  if (!(await isOn()))
    throw new AppError('CBT_UNAVAILABLE', `${moref} was reconfigured, but does not track changes`)
}
