import { snapshotNameOf } from '../../domain/names.js'
import { AppError } from '../../errors.js'
import { type PassDeps } from '../deps.js'
import { ownerOf, type PassContext, type PassStep } from './context.js'

/** The pass is over only when vCenter has confirmed the consolidation: the next snapshot starts from a clean chain. */
export const removeSnapshot: PassStep<null> = {
  name: 'remove-snapshot',
  title: 'Remove the snapshot and confirm consolidation',
  run: async (deps, context) => {
    await removeOwnSnapshot(deps, context)
    return null
  },
}

/**
 * A VM that vCenter no longer has took its snapshot with it: trying on would never end, so that is noted and counts as
 * removed. Should the VM come back with it, the reaper finds it by its name.
 */
export async function removeOwnSnapshot(deps: PassDeps, context: PassContext): Promise<void> {
  const { passId, jobId, mode } = context.input
  if (mode === 'final') return
  const { sourceVmId } = await deps.store.job(jobId)
  const name = snapshotNameOf(passId)
  try {
    const owner = ownerOf(context, 'remove-snapshot')
    const seconds = await deps.source.removeSnapshot(owner, sourceVmId, name, context.signal)
    await deps.store.recordRemoval(passId, seconds)
  } catch (error) {
    if (!(error instanceof AppError) || error.code !== 'SOURCE_VM_UNKNOWN') throw error
    deps.logger.warn({ pass: passId, vm: sourceVmId, err: error }, 'a snapshot went with its VM')
    await deps.store.note(
      passId,
      'snapshot-with-vm',
      `vCenter no longer has VM ${sourceVmId}, so its snapshot ${name} was not removed; it is when the VM comes back`,
    )
  }
}
