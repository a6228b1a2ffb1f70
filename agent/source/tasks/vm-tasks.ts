import { type TaskInput, type TaskResult } from '../../api/worker.js'
import { sourceVmId } from '../../domain/ids.js'
import { type LoadLimits } from '../../domain/load-limits.js'
import { preflightFindings } from '../../domain/preflight.js'
import { type SourceVsphere } from '../deps.js'
import { type VddkLibrary } from '../vddk-library.js'

export interface InspectDeps {
  readonly vsphere: SourceVsphere
  readonly vddk: VddkLibrary
  readonly limits: { readonly current: Pick<LoadLimits, 'datastoreFloorBytes'> }
}

const none = { kind: 'known', value: undefined } as const

/** What the VM is now, and what speaks against replicating it. Changes nothing. */
export async function inspectVm(
  deps: InspectDeps,
  { sourceVmId: id }: TaskInput<'inspect-vm'>,
  signal: AbortSignal,
): Promise<TaskResult<'inspect-vm'>> {
  const { name, power, changeTracking, disks } = await deps.vsphere.describeVm(sourceVmId(id), signal)
  const { findings } = await preflightVm(deps, { sourceVmId: id }, signal)
  return {
    name,
    power,
    changeTracking,
    findings,
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

/** What speaks against replicating the VM, worst first. Changes nothing. */
export async function preflightVm(
  { vsphere, vddk, limits }: InspectDeps,
  { sourceVmId: id }: TaskInput<'preflight-vm'>,
  signal: AbortSignal,
): Promise<TaskResult<'preflight-vm'>> {
  const facts = await vsphere.preflightFacts(sourceVmId(id), signal)
  const { datastoreFloorBytes } = limits.current
  const found = (await vddk.isPresent()) ? await vddk.major() : none
  return { findings: preflightFindings({ ...facts, vddk: found, datastoreFloorBytes }, new Date()) }
}

/** Resolves when the snapshot is gone and the disks are consolidated; absent is removed. */
export async function removeSnapshot(
  vsphere: SourceVsphere,
  { sourceVmId: id, snapshotName }: TaskInput<'remove-snapshot'>,
  signal: AbortSignal,
): Promise<TaskResult<'remove-snapshot'>> {
  const { moref } = await vsphere.describeVm(sourceVmId(id), signal)
  const askedMs = performance.now()
  await vsphere.removeSnapshot({ moref, name: snapshotName }, signal)
  return { consolidated: true, seconds: (performance.now() - askedMs) / 1000 }
}
