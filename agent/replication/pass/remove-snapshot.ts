import { snapshotNameOf } from '../../domain/names.js'
import { ownerOf, type PassStep } from './context.js'

/** The pass is over only when vCenter has confirmed the consolidation: the next snapshot starts from a clean chain. */
export const removeSnapshot: PassStep<null> = {
  name: 'remove-snapshot',
  title: 'Remove the snapshot and confirm consolidation',
  run: async ({ source, store }, context) => {
    const job = await store.job(context.input.jobId)
    const name = snapshotNameOf(context.input.passId)
    await source.removeSnapshot(ownerOf(context, 'remove-snapshot'), job.sourceVmId, name, context.signal)
    return null
  },
}
