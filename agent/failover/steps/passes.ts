import { AppError } from '../../errors.js'
import { type PassId } from '../../domain/ids.js'
import { type FailoverDeps } from '../deps.js'
import { lookFor } from '../../saga/look-for.js'
import { failoverOf, idOf, step, type FailoverContext } from '../step.js'

type Which = 'last' | 'final'

/** The source is on, so most of what changed can be copied before it goes down. */
export const lastPass = step(
  'last-pass',
  async (deps, context) => {
    const failover = await failoverOf(deps, context)
    const { power } = await deps.source.power(failover.sourceVmId, deps.timing.sourceLookMs, context.signal)
    if (power === 'off') return { ran: false }
    if (power !== 'on') throw new AppError('SOURCE_VM_NOT_OFF', `VM ${failover.vmName} is ${power}`)
    await runPass(deps, context, 'last')
    return { ran: true }
  },
  (deps, context) => endPass(deps, context, 'last'),
)

/** Of a VM that is off and stays so; without a snapshot. */
export const finalPass = step(
  'final-sync',
  async (deps, context) => {
    await runPass(deps, context, 'final')
    return null
  },
  (deps, context) => endPass(deps, context, 'final'),
)

async function runPass(deps: FailoverDeps, context: FailoverContext, which: Which): Promise<void> {
  const pass = await deps.store.startPass(idOf(context), which)
  deps.onWork()
  const end = await lookFor(deps, context.signal, Number.POSITIVE_INFINITY, async () => {
    const seen = await deps.store.passEnd(pass)
    return seen.kind === 'running' ? undefined : seen
  })
  switch (end?.kind) {
    case 'committed':
      return
    case 'failed':
      throw new AppError(end.failure.code, `the ${which} pass ${pass}: ${end.failure.message}`)
    case 'stuck': {
      const code = end.isCommitted ? 'FAILOVER_PASS_UNFINISHED' : end.failure.code
      throw new AppError(code, `the ${which} pass ${pass}: ${end.failure.message}`)
    }
    case undefined:
      throw new Error(`pass ${pass} was waited for without an end`)
  }
}

/** Nothing of the pass may move when what comes before it is undone. */
async function endPass(deps: FailoverDeps, context: FailoverContext, which: Which): Promise<null> {
  const pass = await deps.store.passOf(idOf(context), which)
  if (pass !== undefined) await untilEnded(deps, context, pass)
  return null
}

async function untilEnded(deps: FailoverDeps, context: FailoverContext, pass: PassId): Promise<void> {
  if ((await deps.store.passEnd(pass)).kind !== 'running') return
  const { sagaId } = await deps.store.cancelPass(pass)
  deps.onCancel(sagaId)
  await lookFor(deps, context.signal, Number.POSITIVE_INFINITY, async () =>
    (await deps.store.passEnd(pass)).kind === 'running' ? undefined : true,
  )
}
