import { failoverOf, idOf, step } from '../step.js'

/** The point of no return of a live failover. Refused before it, the window is open again. */
export const commit = step('commit', async (deps, context) => {
  deps.logger.warn({ failover: idOf(context) }, 'failover committed')
  return Promise.resolve(null)
})

/** The first step of what closes a failover. Undone only where a commit is refused. */
export const beginClosing = step(
  'failover-job-retrieval',
  async (deps, context) => {
    const { kind, state } = await failoverOf(deps, context)
    deps.logger.info({ failover: idOf(context), kind, state }, 'failover is being closed')
    return null
  },
  async ({ store }, context) => {
    await store.reopen(idOf(context), context.failure)
    return null
  },
)

const endOf = (state: 'cleaned-up' | 'committed' | 'rolled-back') =>
  step('failover-job-status-update', async ({ store, logger }, context) => {
    await store.end(idOf(context), state)
    logger.info({ failover: idOf(context), state }, 'failover closed')
    return null
  })

export const endCleanedUp = endOf('cleaned-up')
export const endCommitted = endOf('committed')
export const endRolledBack = endOf('rolled-back')
