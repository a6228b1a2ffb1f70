import { AppError } from '../../errors.js'
import { type SagaDefinition } from '../../saga/step.js'
import { type SetMember, type SnapshotSetDeps } from './deps.js'
import { volumeSnapshotName, type SnapshotSetInput, type SnapshotSetStep } from './take.js'

/** Undone: the snapshots are all still there, so the revert can be started again. */
const begin: SnapshotSetStep<null> = {
  name: 'begin-revert',
  title: 'Record the intent',
  run: async ({ store }, { input }) => {
    await store.advance(input.setId, ['ready'], 'reverting')
    return null
  },
  undo: ({ store }, { input }) => store.advance(input.setId, ['reverting'], 'ready'),
}

const revertAll: SnapshotSetStep<null> = {
  name: 'revert-volumes',
  title: 'Bring every volume back to its snapshot',
  run: async ({ store, target }, { input, signal }) => {
    for (const member of await store.members(input.setId)) {
      const { snapshotId } = complete(member)
      await target.revert(snapshotId, member.volumeId, signal)
    }
    return null
  },
}

/** From here on the snapshots are not needed any more. */
const verify: SnapshotSetStep<null> = {
  name: 'verify-content',
  title: 'Prove that every volume holds what its snapshot held',
  run: async ({ store, proofOf }, { input, signal }) => {
    for (const member of await store.members(input.setId)) {
      const { snapshotId, proof } = complete(member)
      const found = await proofOf(member.volumeId, signal)
      if (found !== proof)
        throw new AppError('SNAPSHOT_CONTENT_DIFFERS', `volume ${member.volumeId}, snapshot ${snapshotId}`)
    }
    await store.advance(input.setId, ['reverting'], 'reverted')
    return null
  },
}

const removeAll: SnapshotSetStep<null> = {
  name: 'remove-snapshots',
  title: 'Remove the snapshots',
  run: async ({ store, target }, { input, signal }) => {
    for (const { volumeId } of await store.members(input.setId)) {
      // By name: broken ones that an earlier attempt left go as well.
      const name = volumeSnapshotName(input.setId, volumeId)
      for (const found of await target.findByName(name, volumeId, signal)) await target.remove(found, signal)
      await store.forgetSnapshot(input.setId, volumeId)
    }
    return null
  },
}

const clear: SnapshotSetStep<null> = {
  name: 'clear',
  title: 'Close the set',
  run: async ({ store, logger }, { input }) => {
    await store.advance(input.setId, ['reverted'], 'cleared')
    logger.info({ set: input.setId }, 'all volumes brought back')
    return null
  },
}

function complete({ volumeId, snapshotId, proof }: SetMember) {
  if (snapshotId === null || proof === null)
    throw new Error(`volume ${volumeId} has no snapshot to go back to`)
  return { snapshotId, proof }
}

/** All volumes back to their snapshots. The snapshots go only when every volume was proved to hold what they held. */
export const revertSnapshotsSaga: SagaDefinition<SnapshotSetDeps, SnapshotSetInput> = {
  kind: 'revert-snapshots',
  steps: [begin, revertAll, verify, removeAll, clear],
  commitStep: verify.name,
}
