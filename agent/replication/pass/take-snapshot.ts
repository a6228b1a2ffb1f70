import { snapshotNameOf } from '../../domain/names.js'
import { AppError } from '../../errors.js'
import { ownerOf, type PassStep } from './context.js'

type Taken = {
  readonly createdAt: string
  readonly disks: readonly { readonly diskKey: string; readonly changeId: string | null }[]
}

/** One snapshot over all disks of the VM; the change IDs are those it holds, not those of the running VM. */
export const takeSnapshot: PassStep<Taken> = {
  name: 'take-snapshot',
  title: 'Take one snapshot of all disks',
  run: async ({ source, store }, context) => {
    const { passId, jobId } = context.input
    const job = await store.job(jobId)
    const name = snapshotNameOf(passId)
    const taken = await source.snapshot(ownerOf(context, 'snapshot'), job.sourceVmId, name, context.signal)
    for (const disk of job.disks) {
      const found = taken.disks.find(candidate => candidate.diskKey === disk.diskKey)
      if (found?.capacityBytes !== disk.capacityBytes) {
        throw new AppError(
          'JOB_DISKS_CHANGED',
          `disk ${disk.diskKey} changed between the look at the VM and snapshot ${name}`,
        )
      }
    }
    if (taken.disks.length !== job.disks.length) {
      throw new AppError(
        'JOB_DISKS_CHANGED',
        `a disk was added between the look at the VM and snapshot ${name}`,
      )
    }
    await store.recordSnapshot(
      passId,
      taken.createdAt,
      job.disks.map(disk => ({ diskKey: disk.diskKey, changeIdBefore: disk.changeId })),
    )
    await store.advance(passId, 'snapped')
    return {
      createdAt: taken.createdAt.toISOString(),
      disks: taken.disks.map(({ diskKey, changeId }) => ({ diskKey, changeId })),
    }
  },
  undo: async ({ source, store }, context) => {
    const job = await store.job(context.input.jobId)
    const name = snapshotNameOf(context.input.passId)
    await source.removeSnapshot(ownerOf(context, 'remove-snapshot'), job.sourceVmId, name, context.signal)
  },
}
