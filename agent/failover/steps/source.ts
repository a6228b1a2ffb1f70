import { AppError } from '../../errors.js'
import { type Failover, type FailoverDeps, type SourcePower } from '../deps.js'
import { failoverOf, step, targetOf, type FailoverContext, type FailoverStep } from '../step.js'

/** The guest is asked; what happens when it hangs was decided before. Only a VM that is seen off counts. */
export const shutDownSource: FailoverStep<{ readonly how: string }> = step(
  'source-power-off',
  async (deps, context) => {
    const { source, store } = deps
    const failover = await failoverOf(deps, context)
    const { shutdownSeconds: seconds, onShutdownHang: onHang } = failover.options
    if (failover.sourceWasOn === null) {
      const { power } = await source.power(failover.sourceVmId, deps.timing.sourceLookMs, context.signal)
      await store.recordSourcePower(failover.id, power !== 'off')
    }
    const owner = `${context.sagaId}/shut-down`
    const { how } = await source.shutDown(owner, failover.sourceVmId, { seconds, onHang }, context.signal)
    await mustBeOff(deps, failover, context.signal)
    await store.recordSourceOff(failover.id)
    return { how }
  },
  async (deps, context) => {
    await returnToSource(deps, context)
    // A guest that was asked and did not go down in time may still do so.
    if (context.savedOutputOf(shutDownSource) === undefined) await mustStayOn(deps, context)
    return null
  },
)

async function mustStayOn(deps: FailoverDeps, context: FailoverContext): Promise<void> {
  const { now, pause, timing } = deps
  const { kind, sourceWasOn } = await failoverOf(deps, context)
  if (kind !== 'live' || sourceWasOn !== true) return
  const endMs = now().getTime() + timing.sourceSettleMs
  while (now().getTime() < endMs) {
    await pause(timing.lookMs, context.signal)
    context.signal.throwIfAborted()
    await returnToSource(deps, context)
  }
}

/**
 * The source serves again, as soon as nothing of the target can. It is switched on only when this failover found it on and
 * the target is seen stopped; whether the volumes are back does not matter to it.
 */
export async function returnToSource(deps: FailoverDeps, context: FailoverContext): Promise<null> {
  const failover = await failoverOf(deps, context)
  if (failover.kind !== 'live' || failover.sourceWasOn !== true) return null
  if (failover.exposedAt !== null) await targetMustBeStopped(deps, failover, context.signal)
  const { power } = await deps.source.power(failover.sourceVmId, deps.timing.sourceLookMs, context.signal)
  if (power === 'on') return null
  await deps.source.powerOn(`${context.sagaId}/power-on`, failover.sourceVmId, context.signal)
  deps.logger.warn({ failover: failover.id, vm: failover.vmName }, 'source switched on again')
  return null
}

/** Rejects with FAILOVER_SPLIT_BRAIN unless the target is gone or stopped. */
export async function targetMustBeStopped(
  { cloud }: FailoverDeps,
  failover: Failover,
  signal: AbortSignal,
): Promise<void> {
  const machine = await cloud.machine(targetOf(failover), signal)
  if (machine === undefined || machine.state === 'Stopped') return
  throw new AppError('FAILOVER_SPLIT_BRAIN', `target VM ${machine.name} (${machine.id}) is ${machine.state}`)
}

/** Rejects unless vCenter says that the VM is off. */
async function mustBeOff(
  { source, timing }: FailoverDeps,
  failover: Failover,
  signal: AbortSignal,
): Promise<void> {
  const { power } = await source.power(failover.sourceVmId, timing.sourceLookMs, signal)
  if (power !== 'off') throw new AppError('SOURCE_VM_NOT_OFF', `VM ${failover.vmName} is ${power}`)
}

/**
 * Before and after the target starts. An unplanned failover is there for a source nobody can ask; one that answers and is
 * on stops it all the same.
 */
export async function sourceMustBeOff(
  deps: FailoverDeps,
  failover: Failover,
  signal: AbortSignal,
): Promise<SourcePower> {
  const power = await powerOf(deps, failover, signal)
  if (power === 'off' || (power === 'unknown' && failover.kind === 'unplanned')) return power
  throw new AppError('FAILOVER_SPLIT_BRAIN', `source VM ${failover.vmName} is ${power}`)
}

/** Nobody who could tell is the answer `unknown`. */
async function powerOf(
  { source, timing }: FailoverDeps,
  { sourceVmId, kind }: Failover,
  signal: AbortSignal,
): Promise<SourcePower> {
  try {
    const limitMs = kind === 'unplanned' ? timing.sourceGoneMs : timing.sourceLookMs
    return (await source.power(sourceVmId, limitMs, signal)).power
  } catch (error) {
    signal.throwIfAborted()
    if (!(error instanceof AppError) || error.code === 'STORE_UNAVAILABLE') throw error
    return 'unknown'
  }
}

export const guardSource = step('source-guard', async (deps, context) => {
  const failover = await failoverOf(deps, context)
  return { power: await sourceMustBeOff(deps, failover, context.signal) }
})

/** A source that this failover did not switch off is left as it is. */
export const powerOnSource = step('source-power-on', returnToSource)
