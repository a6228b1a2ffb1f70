import { type LeasedTask, type TaskInput } from '../api/worker.js'
import { sourceVmId } from '../domain/ids.js'
import { type DatastoreFloor } from './datastore-floor.js'
import { copyDisks, type CopyDeps } from './tasks/copy-disks.js'
import { createSnapshot, readPoweredOff } from './tasks/freeze.js'
import { verifyDisks } from './tasks/verify-disks.js'
import { powerOnVm, readPower, shutDownVm, type PowerDeps } from './tasks/power.js'
import { inspectVm, preflightVm, removeSnapshot, type InspectDeps } from './tasks/vm-tasks.js'
import { type TaskContext } from './worker.js'

export type TaskDeps = CopyDeps & InspectDeps & PowerDeps & { readonly floor: DatastoreFloor }

/** Does one task and gives its result in the shape `api/worker.ts` has for its kind. Each kind may be run again after a crash. */
export function runTask(deps: TaskDeps, task: LeasedTask, context: TaskContext): Promise<unknown> {
  const { vsphere } = deps
  switch (task.kind) {
    case 'inspect-vm':
      return inspectVm(deps, task.input, context.signal)
    case 'preflight-vm':
      return preflightVm(deps, task.input, context.signal)
    case 'create-snapshot':
      return createSnapshot(deps, task.input, context.signal)
    case 'read-powered-off':
      return readPoweredOff(deps, task.input, context.signal)
    case 'copy-disks':
      return whileRoom(deps, task.input, context.signal, signal =>
        copyDisks(deps, task.input, signal, context.onProgress, context.steer),
      )
    case 'verify-disks':
      return whileRoom(deps, task.input, context.signal, signal => verifyDisks(deps, task.input, signal))
    case 'remove-snapshot':
      return removeSnapshot(vsphere, task.input, context.signal)
    case 'read-power':
      return readPower(vsphere, task.input, context.signal)
    case 'shut-down-vm':
      return shutDownVm(deps, task.input, context.signal)
    case 'power-on-vm':
      return powerOnVm(deps, task.input, context.signal)
  }
}

/** A VM that is off has no snapshot that could grow. */
const whileRoom = <T>(
  { floor }: TaskDeps,
  { sourceVmId: vm, from }: Pick<TaskInput<'copy-disks'>, 'sourceVmId' | 'from'>,
  signal: AbortSignal,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> => (from.kind === 'snapshot' ? floor.whileHeld(sourceVmId(vm), signal, work) : work(signal))
