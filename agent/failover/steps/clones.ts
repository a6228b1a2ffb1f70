import { type DiskKey, type FailoverId } from '../../domain/ids.js'
import { type FailoverDeps } from '../deps.js'
import { failoverOf, idOf, step, type FailoverContext } from '../step.js'

const snapshotName = (id: FailoverId, disk: DiskKey): string => `ossea-test-${id}-${disk}`
/** Not a name that a job or an operation gives, so that none of their clean-ups takes it for theirs. */
const cloneName = (id: FailoverId, disk: DiskKey): string => `ossea-test-${id}-clone-${disk}`

/** Of all disks or of none; nothing writes to the replicas meanwhile. */
export const takeSnapshots = step(
  'multi-volume-snapshot-creation',
  async (deps, context) => {
    const { id, disks } = await failoverOf(deps, context)
    for (const { diskKey, volumeId } of disks) {
      const taken = await deps.cloud.snapshot(snapshotName(id, diskKey), volumeId, context.signal)
      await deps.store.recordSnapshot(id, diskKey, taken)
    }
    return null
  },
  removeSnapshots,
)

export const releaseReplicas = step('replication-release', async ({ store, logger }, context) => {
  await store.releaseReplicas(idOf(context))
  logger.info({ failover: idOf(context) }, 'replication may go on')
  return null
})

export const cloneVolumes = step(
  'volume-cloning',
  async (deps, context) => {
    const { id, disks } = await failoverOf(deps, context)
    for (const { diskKey, snapshotId } of disks) {
      if (snapshotId === null) throw new Error(`failover ${id} has no snapshot of disk ${diskKey}`)
      const clone = await deps.cloud.clone(cloneName(id, diskKey), snapshotId, context.signal)
      await deps.store.recordClone(id, diskKey, clone)
    }
    return null
  },
  removeClones,
)

/** By name: what a broken attempt left goes as well. */
async function removeClones(deps: FailoverDeps, context: FailoverContext): Promise<null> {
  const { id, disks } = await failoverOf(deps, context)
  for (const { diskKey } of disks) {
    for (const left of await deps.cloud.volumesNamed(cloneName(id, diskKey), context.signal))
      await deps.cloud.removeVolume(left, context.signal)
    await deps.store.recordClone(id, diskKey, null)
  }
  return null
}

async function removeSnapshots(deps: FailoverDeps, context: FailoverContext): Promise<null> {
  const { id, disks } = await failoverOf(deps, context)
  for (const { diskKey, volumeId } of disks) {
    for (const left of await deps.cloud.snapshotsNamed(snapshotName(id, diskKey), volumeId, context.signal))
      await deps.cloud.removeSnapshot(left, context.signal)
    await deps.store.recordSnapshot(id, diskKey, null)
  }
  return null
}

export const deleteClones = step('clone-deletion', removeClones)
export const deleteSnapshots = step('cloudstack-snapshot-deletion', removeSnapshots)
