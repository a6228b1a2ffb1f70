import { type DiskKey, type VolumeId } from '../domain/ids.js'
import { AppError } from '../errors.js'
import { type Job } from './deps.js'

/** The volume of each disk, in the order of the disks. Throws VOLUME_UNKNOWN while one has none. */
export function volumesOf(job: Job): readonly { readonly diskKey: DiskKey; readonly volumeId: VolumeId }[] {
  return job.disks.map(({ diskKey, volumeId }) => {
    if (volumeId === null) throw new AppError('VOLUME_UNKNOWN', `disk ${diskKey} has no volume`)
    return { diskKey, volumeId }
  })
}
