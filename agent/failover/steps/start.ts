import { AppError } from '../../errors.js'
import { lookFor } from '../../saga/look-for.js'
import { failoverOf, idOf, step } from '../step.js'
import { blockers, preflight } from '../preflight.js'

/** Undone last: a failover is called failed only when everything it made is gone and the source serves again. */
export const begin = step(
  'failover-job-retrieval',
  async ({ store, logger }, context) => {
    await store.begin(idOf(context))
    logger.info({ failover: idOf(context) }, 'failover started')
    return null
  },
  async ({ store }, context) => {
    const { failure } = context
    if (failure === undefined) throw new Error(`failover ${idOf(context)} is undone without a failure`)
    await store.fail(idOf(context), failure)
    return null
  },
)

/**
 * The failover holds the replicas since it was recorded, so nothing new begins; what began before is waited for. A pass of
 * a source that is gone does not end by itself: an unplanned failover ends it.
 */
export const takeTurn = step('take-turn', async (deps, context) => {
  const { store, points, logger } = deps
  const failover = await failoverOf(deps, context)
  if (failover.kind === 'unplanned')
    for (const { sagaId } of await store.endPasses(failover.id)) deps.onCancel(sagaId)
  let told = ''
  await lookFor(deps, context.signal, Number.POSITIVE_INFINITY, async () => {
    const other = await store.otherWork(failover.id)
    const pending = other === null ? await points.state(failover.jobId) : undefined
    const what = other ?? (pending?.kind === 'pending' ? pending.what : null)
    if (what === null) return true
    if (what !== told) logger.info({ failover: failover.id, waitsFor: what }, 'failover waits')
    told = what
    return undefined
  })
  return null
})

export const validate = step('validation', async (deps, context) => {
  const failover = await failoverOf(deps, context)
  const { blueprint, findings } = await preflight(deps, failover, context.signal)
  const [first, ...more] = blockers(findings)
  if (first !== undefined || blueprint === null) {
    const others = more.length === 0 ? '' : ` (and ${more.length} more)`
    throw new AppError('FAILOVER_BLOCKED', `VM ${failover.vmName}: ${first?.what ?? 'no blueprint'}${others}`)
  }
  await deps.store.recordBlueprint(failover.id, blueprint)
  return null
})

/** Before anything is made of the replicas: they hold one recovery point, whole. */
export const choosePoint = step('choose-point', async (deps, context) => {
  const failover = await failoverOf(deps, context)
  const point = await deps.points.state(failover.jobId)
  switch (point.kind) {
    case 'applied':
      await deps.store.recordPoint(failover.id, point)
      return { at: point.at.toISOString() }
    case 'pending':
      throw new AppError('FAILOVER_POINT_UNUSABLE', `VM ${failover.vmName}: ${point.what}`)
    case 'none':
      throw new AppError('JOB_HAS_NO_POINT', `VM ${failover.vmName}`)
    case 'unusable':
      throw new AppError('FAILOVER_POINT_UNUSABLE', `VM ${failover.vmName}: ${point.why}`)
  }
})
