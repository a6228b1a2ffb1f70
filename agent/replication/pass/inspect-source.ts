import { describeChange, diskSetChanges, hasGrown, unprovenDisks } from '../../domain/disk-set.js'
import { AppError } from '../../errors.js'
import { blockingError } from './blockers.js'
import { ownerOf, type PassStep } from './context.js'

/** Looks at the VM before anything is made: it must exist, and its disks must be the ones this job replicates. */
export const inspectSource: PassStep<{ readonly changeTracking: string }> = {
  name: 'inspect-source',
  title: 'Look at the VM in vCenter',
  run: async ({ source, store }, context) => {
    const job = await store.job(context.input.jobId)
    const vm = await source.inspect(ownerOf(context, 'inspect'), job.sourceVmId, context.signal)
    const blocking = blockingError(vm.name, vm.findings, context.input.mode ?? 'snapshot')
    if (blocking !== undefined) throw blocking
    const without = vm.disks.find(disk => !disk.snapshotable)
    if (without !== undefined) {
      throw new AppError(
        'SOURCE_DISK_UNSUPPORTED',
        `VM ${vm.name}: ${without.label} (disk ${without.diskKey}) has no snapshots`,
      )
    }
    if (vm.disks.length === 0)
      throw new AppError('SOURCE_DISK_UNSUPPORTED', `VM ${vm.name} has no disk to replicate`)
    if (context.input.mode === 'final' && vm.power !== 'off')
      throw new AppError('SOURCE_VM_NOT_OFF', `VM ${vm.name} is ${vm.power}`)
    // A disk for which only a volume was named has no size until a pass has looked at it.
    const known = job.disks.filter(disk => disk.capacityBytes > 0n)
    // A disk that grew is still the same: what is on its volume already is compared, the rest copied.
    const changes =
      known.length === 0 ? [] : diskSetChanges(known, vm.disks).filter(change => !hasGrown(change))
    if (changes.length > 0) {
      throw new AppError('JOB_DISKS_CHANGED', `VM ${vm.name}: ${changes.map(describeChange).join('; ')}`)
    }
    const strangers = job.disks.filter(
      disk => !vm.disks.some(candidate => candidate.diskKey === disk.diskKey),
    )
    if (strangers[0] !== undefined) {
      throw new AppError(
        'JOB_DISKS_CHANGED',
        `VM ${vm.name} has no disk ${strangers[0].diskKey}, for which a volume was named`,
      )
    }
    const unproven = unprovenDisks(known, vm.disks)
    await store.recordDisks(
      job.id,
      vm.disks.map(disk => ({ ...disk, fullReason: unproven.get(disk.diskKey) ?? null })),
    )
    return { changeTracking: vm.changeTracking }
  },
}
