import { changeId, diskKey } from '../../domain/ids.js'
import { type PassStep } from './context.js'
import { copyDisks } from './copy-disks.js'
import { takeSnapshot } from './take-snapshot.js'

/** The recovery point moves: it and all change IDs are stored in one transaction. From here on the pass only goes forward. */
export const commit: PassStep<null> = {
  name: 'commit',
  title: 'Commit the recovery point',
  run: async ({ store, logger }, context) => {
    const taken = context.outputOf(takeSnapshot)
    const { disturbance } = context.outputOf(copyDisks)
    await store.commit(
      context.input.passId,
      taken.disks.map(disk => ({
        diskKey: diskKey(disk.diskKey),
        changeId: disk.changeId === null ? null : changeId(disk.changeId),
      })),
      disturbance,
    )
    logger.info(
      { job: context.input.jobId, pass: context.input.passId, at: taken.createdAt },
      'recovery point committed',
    )
    return null
  },
}
