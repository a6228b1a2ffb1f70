import { type TaskInput, type TaskResult } from '../../api/worker.js'
import { sourceVmId } from '../../domain/ids.js'
import { AppError } from '../../errors.js'
import { type DatastoreFloor } from '../datastore-floor.js'
import { type DescribedVm, type SourceVsphere, type TakenSnapshot } from '../deps.js'
import { mustBeOff, stateTokenOf } from '../powered-off.js'
import { type VddkLibrary } from '../vddk-library.js'

type Frozen = TaskResult<'create-snapshot'>

const description = 'Made by OSSEA-Migrate for one replication pass; removed at its end.'

export interface FreezeDeps {
  readonly vsphere: SourceVsphere
  readonly floor: Pick<DatastoreFloor, 'mustHold'>
  readonly vddk: Pick<VddkLibrary, 'isPresent'>
}

/** What a pass without VDDK cannot do, in words. */
const withoutVddk =
  'there is no VDDK library, so the disks are read over the datastore without changed-block tracking, all of them whole'

/**
 * One snapshot of all disks, with changed-block tracking on before it. A second run finds the first one's snapshot. Where a
 * datastore has too little room nothing is made.
 */
export async function createSnapshot(
  { vsphere, floor, vddk }: FreezeDeps,
  { sourceVmId: id, snapshotName, quiesce }: TaskInput<'create-snapshot'>,
  signal: AbortSignal,
): Promise<Frozen> {
  if (!(await vddk.isPresent()))
    throw new AppError('VDDK_MISSING', `VM ${id} would have to be read from a snapshot`)
  await floor.mustHold(sourceVmId(id), signal)
  const vm = await vsphere.describeVm(sourceVmId(id), signal)
  const fullReason = await whyUntracked(vsphere, vm, signal)
  const askedMs = performance.now()
  const { taken, notes } = await take(vsphere, { moref: vm.moref, name: snapshotName }, quiesce, signal)
  const freezeSeconds = (performance.now() - askedMs) / 1000
  return {
    createdAt: taken.createdAt.toISOString(),
    consistency: taken.consistency,
    notes,
    fullReason,
    freezeSeconds,
    stateToken: null,
    hardware: await readHardware(vsphere, vm.moref, taken.snapshotMoref, signal),
    disks: taken.disks.map(disk => ({
      diskKey: disk.key,
      capacityBytes: disk.capacityBytes.toString(),
      // What a disk says while tracking is off starts no later pass.
      changeId: fullReason === null ? disk.changeId : null,
    })),
  }
}

/** The disks of a VM that is off, as they are. Makes nothing; the copy looks whether it stayed off. */
export async function readPoweredOff(
  { vsphere, vddk }: Pick<FreezeDeps, 'vsphere' | 'vddk'>,
  { sourceVmId: id }: TaskInput<'read-powered-off'>,
  signal: AbortSignal,
): Promise<Frozen> {
  const vm = await vsphere.describeVm(sourceVmId(id), signal)
  mustBeOff(vm)
  const hasVddk = await vddk.isPresent()
  const untracked = vm.changeTracking === 'on' ? null : 'changed-block tracking of the VM is off'
  const fullReason = hasVddk ? untracked : withoutVddk
  return {
    createdAt: new Date().toISOString(),
    consistency: 'powered-off',
    notes: hasVddk ? [] : [withoutVddk],
    fullReason,
    freezeSeconds: null,
    stateToken: stateTokenOf(vm),
    hardware: await readHardware(vsphere, vm.moref, null, signal),
    disks: vm.disks
      .filter(disk => disk.snapshotable)
      .map(disk => ({
        diskKey: disk.key,
        capacityBytes: disk.capacityBytes.toString(),
        changeId: fullReason === null ? disk.changeId : null,
      })),
  }
}

/** Null: changes are tracked. A VM that cannot be tracked is copied whole, which is slow and never wrong. */
async function whyUntracked(
  vsphere: SourceVsphere,
  { moref, changeTracking }: DescribedVm,
  signal: AbortSignal,
): Promise<string | null> {
  switch (changeTracking) {
    case 'on':
      return null
    case 'unsupported':
      return 'the VM does not support changed-block tracking'
    case 'off':
      try {
        await vsphere.enableChangeTracking(moref, signal)
        return null
      } catch (error) {
        if (!(error instanceof AppError) || error.code !== 'CBT_UNAVAILABLE') throw error
        return `changed-block tracking could not be switched on: ${error.message}`
      }
  }
}

async function take(
  vsphere: SourceVsphere,
  at: { readonly moref: string; readonly name: string },
  policy: TaskInput<'create-snapshot'>['quiesce'],
  signal: AbortSignal,
): Promise<{ readonly taken: TakenSnapshot; readonly notes: string[] }> {
  const attempt = (quiesce: boolean) => vsphere.createSnapshot({ ...at, description, quiesce }, signal)
  if (policy === 'off') return { taken: await attempt(false), notes: [] }
  try {
    const taken = await attempt(true)
    if (taken.consistency !== 'crash') return { taken, notes: [] }
    // Without running Tools vSphere leaves the quiescing out and does not say so.
    if (policy === 'required')
      throw new AppError('SOURCE_QUIESCE_FAILED', `vCenter did not quiesce the guest of ${at.moref}`)
    return { taken, notes: ['crash-consistent: vCenter did not quiesce the guest'] }
  } catch (error) {
    const failed = error instanceof AppError && error.code === 'SOURCE_QUIESCE_FAILED'
    if (!failed || policy === 'required') throw error
    return {
      taken: await attempt(false),
      notes: [`crash-consistent: the guest could not be quiesced (${error.message})`],
    }
  }
}

/** In the shape of the worker's API, whose lists are not read-only. */
async function readHardware(
  vsphere: SourceVsphere,
  moref: string,
  snapshotMoref: string | null,
  signal: AbortSignal,
): Promise<Frozen['hardware']> {
  const hardware = await vsphere.readHardware(moref, snapshotMoref, signal)
  return {
    ...hardware,
    controllers: [...hardware.controllers],
    nics: [...hardware.nics],
    disks: [...hardware.disks],
  }
}
