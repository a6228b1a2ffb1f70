import { volumeNameOf } from '../../domain/names.js'
import { AppError } from '../../errors.js'
import { type PassStep } from './context.js'

/**
 * Every disk gets a volume at least as large as itself, attached to this appliance; a volume of ours grows with its disk, one
 * the operator chose never does. Volumes made for a job that never
 * reached a recovery point are removed by the undo; volumes an operator chose, and all volumes that hold a recovery point,
 * never are.
 */
export const prepareVolumes: PassStep<{
  readonly volumes: readonly { readonly diskKey: string; readonly volumeId: string }[]
}> = {
  name: 'prepare-volumes',
  title: 'Prepare the target volumes',
  run: async ({ store, target, logger }, { input, signal }) => {
    const job = await store.job(input.jobId)
    const volumes = []
    for (const disk of job.disks) {
      const volume =
        disk.volumeId === null
          ? await target.ensure(volumeNameOf(job.id, disk.diskKey), disk.capacityBytes, signal)
          : { id: disk.volumeId, ...(await existing(target.find(disk.volumeId, signal), disk.volumeId)) }
      if (disk.volumeId === null) {
        await store.recordVolume(job.id, disk.diskKey, volume.id)
        logger.info({ job: job.id, disk: disk.diskKey, volume: volume.id }, 'volume ready')
      }
      const tooSmall = volume.sizeBytes < disk.capacityBytes
      if (tooSmall && disk.volumeIsOurs) {
        await target.grow(volume.id, disk.capacityBytes, signal)
        logger.info({ job: job.id, disk: disk.diskKey, volume: volume.id }, 'volume grown with its disk')
      } else if (tooSmall) {
        throw new AppError(
          'TARGET_VOLUME_TOO_SMALL',
          `volume ${volume.id} has ${volume.sizeBytes} bytes, ${disk.label} (disk ${disk.diskKey}) ${disk.capacityBytes}`,
        )
      }
      await target.ensureAttached(volume.id, signal)
      volumes.push({ diskKey: disk.diskKey, volumeId: volume.id })
    }
    return { volumes }
  },
  undo: async ({ store, target, logger }, { input, signal }) => {
    const job = await store.job(input.jobId)
    if (job.hasRecoveryPoint) return
    for (const disk of job.disks) {
      if (disk.volumeId !== null && !disk.volumeIsOurs) continue
      for (const volume of await target.findByName(volumeNameOf(job.id, disk.diskKey), signal)) {
        await target.remove(volume, signal)
        await store.forgetVolume(job.id, disk.diskKey, volume)
        logger.info({ job: job.id, disk: disk.diskKey, volume }, 'volume without a recovery point removed')
      }
    }
  },
}

async function existing<T>(found: Promise<T | undefined>, volume: string): Promise<T> {
  const value = await found
  if (value === undefined) throw new AppError('VOLUME_UNKNOWN', `CloudStack has no volume ${volume}`)
  return value
}
