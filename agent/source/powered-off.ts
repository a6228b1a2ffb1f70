import { AppError } from '../errors.js'
import { type DescribedVm } from './deps.js'

/** Rejects with SOURCE_VM_NOT_OFF; a state vCenter does not know is not off. */
export function mustBeOff({ moref, name, power }: DescribedVm): void {
  if (power === 'off') return
  throw new AppError('SOURCE_VM_NOT_OFF', `VM ${name} (${moref}) is ${power}`)
}

/**
 * Changes when the VM was started, reconfigured, or got or lost a snapshot, also when it is off again since: a start gives
 * the configuration another version and the disks other change IDs.
 */
export const stateTokenOf = ({ changeVersion, disks }: DescribedVm): string =>
  JSON.stringify([changeVersion, ...disks.map(disk => [disk.key, disk.fileName, disk.changeId])])

/** Rejects with SOURCE_VM_NOT_OFF when the VM is not as it was when the token was made. */
export function mustBeUntouched(vm: DescribedVm, stateToken: string): void {
  mustBeOff(vm)
  if (stateTokenOf(vm) !== stateToken)
    throw new AppError('SOURCE_VM_NOT_OFF', `VM ${vm.name} (${vm.moref}) was started or changed meanwhile`)
}
