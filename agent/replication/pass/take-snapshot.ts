import { snapshotNameOf } from '../../domain/names.js'
import { AppError } from '../../errors.js'
import { type CopySource, type FrozenVm, type Job, type PassDeps } from '../deps.js'
import { ownerOf, type PassContext, type PassStep } from './context.js'
import { removeOwnSnapshot } from './remove-snapshot.js'

type Taken = {
  readonly createdAt: string
  readonly from: CopySource
  /** Why the changes of no disk can be told; null: they can. */
  readonly fullReason: string | null
  readonly disks: readonly { readonly diskKey: string; readonly changeId: string | null }[]
}

/**
 * One snapshot over all disks of the VM, or the VM at rest in a final pass; the change IDs are those of this instant, not
 * of a running VM.
 */
export const takeSnapshot: PassStep<Taken> = {
  name: 'take-snapshot',
  title: 'Take one snapshot of all disks',
  run: async (deps, context) => {
    const { store } = deps
    const { passId, jobId } = context.input
    const job = await store.job(jobId)
    const { frozen, from } = await freeze(deps, context, job)
    for (const disk of job.disks) {
      const found = frozen.disks.find(candidate => candidate.diskKey === disk.diskKey)
      if (found?.capacityBytes !== disk.capacityBytes) {
        throw new AppError(
          'JOB_DISKS_CHANGED',
          `disk ${disk.diskKey} changed between the look at the VM and the moment it was frozen`,
        )
      }
    }
    if (frozen.disks.length !== job.disks.length) {
      throw new AppError(
        'JOB_DISKS_CHANGED',
        'a disk was added between the look at the VM and the moment it was frozen',
      )
    }
    await store.recordSnapshot(
      passId,
      frozen,
      job.disks.map(disk => ({ diskKey: disk.diskKey, changeIdBefore: disk.changeId })),
    )
    await store.advance(passId, 'snapped')
    return {
      createdAt: frozen.createdAt.toISOString(),
      from,
      fullReason: frozen.fullReason,
      disks: frozen.disks.map(({ diskKey, changeId }) => ({ diskKey, changeId })),
    }
  },
  undo: removeOwnSnapshot,
}

async function freeze(
  { source }: PassDeps,
  context: PassContext,
  job: Job,
): Promise<{ readonly frozen: FrozenVm; readonly from: CopySource }> {
  if (context.input.mode === 'final') {
    const frozen = await source.readPoweredOff(ownerOf(context, 'at-rest'), job.sourceVmId, context.signal)
    if (frozen.stateToken === null) throw new Error('a VM at rest has no state token')
    return { frozen, from: { kind: 'powered-off', stateToken: frozen.stateToken } }
  }
  const name = snapshotNameOf(context.input.passId)
  const request = { name, quiesce: job.quiesce }
  const frozen = await source.snapshot(ownerOf(context, 'snapshot'), job.sourceVmId, request, context.signal)
  return { frozen, from: { kind: 'snapshot', name } }
}
