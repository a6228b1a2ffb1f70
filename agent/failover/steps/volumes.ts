import { AppError } from '../../errors.js'
import { type FailoverDeps } from '../deps.js'
import { lookFor } from '../../saga/look-for.js'
import { failoverOf, step, targetOf, volumesFor, type FailoverContext } from '../step.js'
import { returnToSource, targetMustBeStopped } from './source.js'

/** Nobody writes to a replica any more, its data is durable and its device is gone before another VM may have it. */
export const releaseVolumes = step(
  'volume-release',
  async (deps, context) => {
    const { store, cloud, appliance, timing } = deps
    const { disks } = await failoverOf(deps, context)
    const fence = await store.nextFence(context.claim)
    const here = await cloud.applianceVmId()
    for (const { volumeId } of disks) await appliance.closeExport(volumeId, fence, context.signal)
    for (const { volumeId } of disks) await cloud.detach(volumeId, here, context.signal)
    for (const { volumeId } of disks) {
      const gone = await lookFor(deps, context.signal, timing.deviceLimitMs, async () =>
        (await appliance.hasDevice(volumeId, context.signal)) ? undefined : true,
      )
      if (gone === undefined)
        throw new AppError(
          'VOLUME_STILL_PRESENT',
          `volume ${volumeId}, ${timing.deviceLimitMs} ms after it was detached`,
        )
    }
    return null
  },
  async (deps, context) => {
    await returnToSource(deps, context)
    return bringBack(deps, context)
  },
)

async function bringBack(deps: FailoverDeps, context: FailoverContext): Promise<null> {
  for (const { volumeId } of (await failoverOf(deps, context)).disks)
    await deps.appliance.attach(volumeId, context.signal)
  return null
}

/** Recorded before the first one moves: from here on a target that can run may have them. */
export const attachVolumes = step(
  'volume-attachment',
  async (deps, context) => {
    const failover = await failoverOf(deps, context)
    const vm = targetOf(failover)
    if (failover.kind !== 'test') await deps.store.expose(failover.id)
    for (const [index, volume] of volumesFor(failover).entries())
      await deps.cloud.attach(volume, vm, index === 0 ? 'root' : 'data', context.signal)
    return null
  },
  async (deps, context) => {
    await returnToSource(deps, context)
    return takeFromTarget(deps, context)
  },
)

/** A volume that another VM than the target has is left where it is, and refused by whoever wants it next. */
async function takeFromTarget(deps: FailoverDeps, context: FailoverContext): Promise<null> {
  const failover = await failoverOf(deps, context)
  const vm = failover.targetVmId
  if (vm === null) return null
  await targetMustBeStopped(deps, failover, context.signal)
  for (const { volumeId, cloneId } of failover.disks) {
    const volume = failover.kind === 'test' ? cloneId : volumeId
    if (volume === null) continue
    if ((await deps.cloud.volume(volume, context.signal))?.vmId !== vm) continue
    await deps.cloud.detach(volume, vm, context.signal)
  }
  return null
}

export const detachVolumes = step('volume-detachment', takeFromTarget)
export const reattachVolumes = step('volume-reattachment-to-oma', bringBack)
