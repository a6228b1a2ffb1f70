import { type PassStep } from './context.js'

/** Marks the start. Undone last, so a pass is called failed only when everything it made is gone. */
export const begin: PassStep<null> = {
  name: 'begin',
  title: 'Record the intent',
  run: ({ logger }, { input }) => {
    logger.info({ job: input.jobId, pass: input.passId }, 'pass started')
    return Promise.resolve(null)
  },
  undo: async ({ store }, { input, failure }) => {
    await store.fail(
      input.passId,
      failure ?? { code: 'INTERNAL_BUG', message: 'the pass was undone without a failure' },
    )
  },
}
