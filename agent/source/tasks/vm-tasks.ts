import { type TaskInput, type TaskResult } from '../../api/worker.js'
import { sourceVmId } from '../../domain/ids.js'
import { type SourceVsphere } from '../deps.js'

/** What the VM is now. Changes nothing. */
export async function inspectVm(
  vsphere: SourceVsphere,
  { sourceVmId: id }: TaskInput<'inspect-vm'>,
  signal: AbortSignal,
): Promise<TaskResult<'inspect-vm'>> {
  const { name, power, changeTracking, disks } = await vsphere.describeVm(sourceVmId(id), signal)
  return {
    name,
    power,
    changeTracking,
    disks: disks.map(disk => ({
      diskKey: disk.key,
      label: disk.label,
      capacityBytes: disk.capacityBytes.toString(),
      backingUuid: disk.backingUuid,
      baseFile: disk.baseFile,
      snapshotable: disk.snapshotable,
    })),
  }
}

/** Resolves when the snapshot is gone and the disks are consolidated; absent is removed. */
export async function removeSnapshot(
  vsphere: SourceVsphere,
  { sourceVmId: id, snapshotName }: TaskInput<'remove-snapshot'>,
  signal: AbortSignal,
): Promise<TaskResult<'remove-snapshot'>> {
  const { moref } = await vsphere.describeVm(sourceVmId(id), signal)
  await vsphere.removeSnapshot({ moref, name: snapshotName }, signal)
  return { consolidated: true }
}
