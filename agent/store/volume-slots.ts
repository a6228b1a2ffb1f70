import { volumeId } from '../domain/ids.js'
import { type SlotStore } from '../volume-controller/slots.js'
import { ownPlaces } from './data-movers.js'
import { storeCall, type Database } from './database.js'
import { unfinished, type OperationRow } from './volume-operation-rows.js'

export function volumeSlots(db: Database): SlotStore {
  return {
    ownPlaces: () => ownPlaces(db),
    isOperated: volume =>
      storeCall(`looking for operations on volume ${volume}`, async () => {
        const row = await db<OperationRow>('volume_operations')
          .where({ volume_id: volume })
          .whereIn('state', [...unfinished])
          .first()
        return row !== undefined
      }),
    idleReplicas: () =>
      storeCall('listing idle replicas', async () => {
        const rows = await db('job_disks')
          .join('passes', 'passes.job_id', 'job_disks.job_id')
          .join('sagas', 'sagas.id', 'passes.saga_id')
          .whereNotNull('job_disks.volume_id')
          .whereNotIn(
            'job_disks.volume_id',
            db('volume_operations')
              .whereIn('state', [...unfinished])
              .whereNotNull('volume_id')
              .select('volume_id'),
          )
          .whereNotIn(
            'job_disks.job_id',
            db('verifications')
              .join('sagas as v', 'v.id', 'verifications.saga_id')
              .whereNot('v.state', 'done')
              .select('verifications.job_id'),
          )
          .whereNotIn('job_disks.job_id', db('restores').whereNull('ended_at').select('job_id'))
          .groupBy('job_disks.volume_id')
          .havingRaw(`SUM(sagas.state <> 'done') = 0`)
          .orderBy('idle_since')
          .select<{ readonly volume_id: string; readonly idle_since: Date | null }[]>(
            'job_disks.volume_id',
            db.raw('MAX(passes.ended_at) AS idle_since'),
          )
        return rows.flatMap(({ volume_id: id, idle_since: idleSince }) =>
          idleSince === null ? [] : [{ id: volumeId(id), idleSince }],
        )
      }),
    stateOf: id =>
      storeCall(`reading operation ${id}`, async () => {
        const row = await db<OperationRow>('volume_operations').where({ id }).first()
        if (row === undefined) throw new Error(`no volume operation ${id}`)
        return row.state
      }),
  }
}
