import { paceAfter } from '../../domain/pace.js'
import { type PassStep } from './context.js'

/** Marks the start, and decides how gently the pass reads. Undone last, so a pass is called failed only when everything it made is gone. */
export const begin: PassStep<null> = {
  name: 'begin',
  title: 'Record the intent',
  run: async ({ store, slowSnapshotSeconds, logger }, { input }) => {
    const decision = paceAfter(await store.lastPass(input.jobId, input.passId), slowSnapshotSeconds)
    await store.recordPace(input.passId, decision)
    logger.info({ job: input.jobId, pass: input.passId, pace: decision.why }, 'pass started')
    return null
  },
  undo: async ({ store }, { input, failure }) => {
    await store.fail(
      input.passId,
      failure ?? { code: 'INTERNAL_BUG', message: 'the pass was undone without a failure' },
    )
  },
}
