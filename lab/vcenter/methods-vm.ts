import { queryChangedAreas } from './changed-areas.js'
import { invalidArgument, invalidPowerState, objectNotFound, VimFault } from './fault.js'
import { type TaskRequest } from './tasks.js'
import { sessionOf, type Call, type Handler, type Vcenter } from './vcenter.js'
import {
  bigintOf, dataOf, flagOf, numberOf, optionalRef, optionalText, textOf,
  type MoRef, type VimValue,
} from './vim-value.js' // prettier-ignore
import { type SnapshotRequest } from './vm-operations.js'
import { Snapshot, type PowerState, type Vm } from './vm.js'

function vmOf(vcenter: Vcenter, target: MoRef): Vm {
  const vm = vcenter.vms.get(target.id)
  if (vm === undefined) throw objectNotFound(target.type, target.id)
  return vm
}

function snapshotOf(vcenter: Vcenter, target: MoRef): Snapshot {
  const object = vcenter.inventory.get(target)
  if (!(object instanceof Snapshot)) throw objectNotFound(target.type, target.id)
  return object
}

type Work = TaskRequest['work']

/** Starts a task on a VM; one at a time, as vCenter locks the VM for each. Throws TaskInProgress. */
function startOn(vcenter: Vcenter, call: Call, vm: Vm, descriptionId: string, work: Work): MoRef {
  const [active] = vcenter.tasks.activeOn(vm.ref)
  if (active !== undefined)
    throw new VimFault(
      'TaskInProgress',
      'The operation is not allowed in the current state: another task is running.',
      {
        task: active.ref,
      },
    )
  const userName = sessionOf(call).userName
  return vcenter.tasks.start({
    descriptionId,
    method: call.method,
    entity: vm.ref,
    entityName: vm.name,
    userName,
    work,
  }).ref
}

function startSnapshot(vcenter: Vcenter, call: Call, request: SnapshotRequest): MoRef {
  const vm = vmOf(vcenter, call.target)
  if (request.name === '' || request.name.length > 80)
    throw new VimFault('InvalidName', 'The name is not valid.', { name: request.name, entity: vm.ref })
  return startOn(vcenter, call, vm, 'VirtualMachine.createSnapshot', async progress => {
    progress(30)
    const snapshot = await vcenter.operations.createSnapshot(vm, request)
    progress(80)
    return snapshot.ref
  })
}

const createSnapshot: Handler = (vcenter, call) => {
  refuseMemory(vcenter, call)
  return startSnapshot(vcenter, call, {
    name: textOf(call.args, 'name'),
    description: optionalText(call.args, 'description') ?? '',
    quiesced: flagOf(call.args, 'quiesce'),
  })
}

const createSnapshotEx: Handler = (vcenter, call) => {
  refuseMemory(vcenter, call)
  const spec = call.args.fields['quiesceSpec'] === undefined ? null : dataOf(call.args, 'quiesceSpec')
  const timeoutMinutes = spec === null ? null : numberOf(spec, 'timeout')
  if (timeoutMinutes !== null && (timeoutMinutes < 5 || timeoutMinutes > 240))
    throw invalidArgument('quiesceSpec.timeout')
  return startSnapshot(vcenter, call, {
    name: textOf(call.args, 'name'),
    description: optionalText(call.args, 'description') ?? '',
    quiesced: spec !== null,
  })
}

/** Memory images are not simulated; a real one would take minutes and the product never asks for one. */
function refuseMemory(vcenter: Vcenter, call: Call): void {
  if (flagOf(call.args, 'memory') && vmOf(vcenter, call.target).powerState === 'poweredOn')
    throw new VimFault('NotSupported', 'The operation is not supported on the object.')
}

function startRemoval(
  vcenter: Vcenter,
  call: Call,
  descriptionId: string,
  vm: Vm,
  doomed: readonly Snapshot[],
): MoRef {
  const consolidate =
    call.args.fields['consolidate'] !== false && vcenter.faults.take('skip-consolidation') === null
  return startOn(vcenter, call, vm, descriptionId, async progress => {
    progress(30)
    await vcenter.operations.removeSnapshots(vm, doomed, consolidate)
    progress(80)
    return undefined
  })
}

const withDescendants = (snapshot: Snapshot): Snapshot[] => [
  ...snapshot.children.flatMap(withDescendants),
  snapshot,
]

const removeSnapshot: Handler = (vcenter, call) => {
  const snapshot = snapshotOf(vcenter, call.target)
  const doomed = flagOf(call.args, 'removeChildren') ? withDescendants(snapshot) : [snapshot]
  return startRemoval(vcenter, call, 'VirtualMachineSnapshot.remove', snapshot.vm, doomed)
}

const removeAllSnapshots: Handler = (vcenter, call) => {
  const vm = vmOf(vcenter, call.target)
  return startRemoval(vcenter, call, 'VirtualMachine.removeAllSnapshots', vm, vm.snapshots.toReversed())
}

function startRevert(vcenter: Vcenter, call: Call, snapshot: Snapshot, descriptionId: string): MoRef {
  return startOn(vcenter, call, snapshot.vm, descriptionId, async () => {
    await vcenter.operations.revert(snapshot.vm, snapshot)
    return undefined
  })
}

function startPower(vcenter: Vcenter, call: Call, wanted: PowerState, descriptionId: string): MoRef {
  const vm = vmOf(vcenter, call.target)
  return startOn(vcenter, call, vm, descriptionId, async (): Promise<VimValue | undefined> => {
    if (vm.powerState === wanted) throw invalidPowerState(vm.powerState, wanted)
    await vcenter.operations.setPower(vm, wanted)
    return undefined
  })
}

/** What this simulator can reconfigure; anything else is refused, not silently dropped. */
const reconfigurable: ReadonlySet<string> = new Set(['changeVersion', 'name', 'changeTrackingEnabled'])

const reconfigure: Handler = (vcenter, call) => {
  const vm = vmOf(vcenter, call.target)
  const spec = dataOf(call.args, 'spec')
  for (const field of Object.keys(spec.fields))
    if (!reconfigurable.has(field))
      throw new VimFault('NotSupported', `The operation is not supported on the object: ${field}.`)
  return startOn(vcenter, call, vm, 'VirtualMachine.reconfigure', () => {
    const expected = optionalText(spec, 'changeVersion')
    if (expected !== null && expected !== '' && expected !== String(vm.changeVersion))
      throw new VimFault('ConcurrentAccess', 'The configuration was changed by another client.')
    const name = optionalText(spec, 'name')
    if (name !== null) vm.name = name
    const tracking = spec.fields['changeTrackingEnabled']
    if (typeof tracking === 'boolean') vm.changeTrackingEnabled = tracking
    vm.touched(vcenter.inventory)
    return Promise.resolve(undefined)
  })
}

const shutdownGuest: Handler = (vcenter, call) => {
  const vm = vmOf(vcenter, call.target)
  if (vm.powerState !== 'poweredOn') throw invalidPowerState(vm.powerState, 'poweredOn')
  if (!vm.hardware.toolsRunning)
    throw new VimFault('ToolsUnavailable', 'Cannot complete operation because VMware Tools is not running.')
  const { sessions } = vcenter
  // There is no task to wait for: the guest goes down in its own time.
  vcenter.tasks.start({
    descriptionId: 'VirtualMachine.shutdownGuest',
    method: null,
    entity: vm.ref,
    entityName: vm.name,
    userName: call.session?.userName ?? sessions.all[0]?.userName ?? '',
    work: async () => {
      if (vm.powerState === 'poweredOn') await vcenter.operations.setPower(vm, 'poweredOff')
      return undefined
    },
  })
  return undefined
}

const changedAreas: Handler = (vcenter, call) => {
  const vm = vmOf(vcenter, call.target)
  const snapshot = optionalRef(call.args, 'snapshot')
  return queryChangedAreas(
    vm,
    {
      snapshot: snapshot === null ? null : snapshotOf(vcenter, snapshot),
      deviceKey: numberOf(call.args, 'deviceKey') ?? -1,
      startOffset: bigintOf(call.args, 'startOffset'),
      changeId: textOf(call.args, 'changeId'),
    },
    vcenter.changedAreasLimits,
    vcenter.faults,
  )
}

export const vmMethods: Readonly<Record<string, Handler>> = {
  CreateSnapshot_Task: createSnapshot,
  CreateSnapshotEx_Task: createSnapshotEx,
  RemoveSnapshot_Task: removeSnapshot,
  RemoveAllSnapshots_Task: removeAllSnapshots,
  ConsolidateVMDisks_Task: (vcenter, call) => {
    const vm = vmOf(vcenter, call.target)
    return startOn(vcenter, call, vm, 'VirtualMachine.consolidateDisks', async () => {
      await vcenter.operations.consolidate(vm)
      return undefined
    })
  },
  RevertToSnapshot_Task: (vcenter, call) =>
    startRevert(vcenter, call, snapshotOf(vcenter, call.target), 'VirtualMachineSnapshot.revert'),
  RevertToCurrentSnapshot_Task: (vcenter, call) => {
    const current = vmOf(vcenter, call.target).currentSnapshot
    if (current === null) throw new VimFault('NotFound', 'The object or item referred to could not be found.')
    return startRevert(vcenter, call, current, 'VirtualMachine.revertToCurrentSnapshot')
  },
  RenameSnapshot: (vcenter, call) => {
    const snapshot = snapshotOf(vcenter, call.target)
    snapshot.name = optionalText(call.args, 'name') ?? snapshot.name
    snapshot.description = optionalText(call.args, 'description') ?? snapshot.description
    snapshot.vm.touched(vcenter.inventory)
    return undefined
  },
  ReconfigVM_Task: reconfigure,
  Rename_Task: (vcenter, call) => {
    const vm = vmOf(vcenter, call.target)
    return startOn(vcenter, call, vm, 'ManagedEntity.rename', () => {
      vm.name = textOf(call.args, 'newName')
      vm.touched(vcenter.inventory)
      return Promise.resolve(undefined)
    })
  },
  PowerOnVM_Task: (vcenter, call) => startPower(vcenter, call, 'poweredOn', 'VirtualMachine.powerOn'),
  PowerOffVM_Task: (vcenter, call) => startPower(vcenter, call, 'poweredOff', 'VirtualMachine.powerOff'),
  ShutdownGuest: shutdownGuest,
  QueryChangedDiskAreas: changedAreas,
  CancelTask: () => {
    throw new VimFault('NotSupported', 'The operation is not supported on the object.')
  },
}
