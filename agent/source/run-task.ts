import { type LeasedTask } from '../api/worker.js'
import { copyDisks, type CopyDeps } from './tasks/copy-disks.js'
import { createSnapshot, readPoweredOff } from './tasks/freeze.js'
import { verifyDisks } from './tasks/verify-disks.js'
import { inspectVm, preflightVm, removeSnapshot, type InspectDeps } from './tasks/vm-tasks.js'
import { type TaskContext } from './worker.js'

/** Does one task and gives its result in the shape `api/worker.ts` has for its kind. Each kind may be run again after a crash. */
export function runTask(
  deps: CopyDeps & InspectDeps,
  task: LeasedTask,
  context: TaskContext,
): Promise<unknown> {
  const { vsphere } = deps
  switch (task.kind) {
    case 'inspect-vm':
      return inspectVm(deps, task.input, context.signal)
    case 'preflight-vm':
      return preflightVm(deps, task.input, context.signal)
    case 'create-snapshot':
      return createSnapshot(vsphere, task.input, context.signal)
    case 'read-powered-off':
      return readPoweredOff(vsphere, task.input, context.signal)
    case 'copy-disks':
      return copyDisks(deps, task.input, context.signal, context.onProgress)
    case 'verify-disks':
      return verifyDisks(deps, task.input, context.signal)
    case 'remove-snapshot':
      return removeSnapshot(vsphere, task.input, context.signal)
  }
}
