import { volumeId, type OperationId } from '../domain/ids.js'
import { makerOfVolumeName } from '../domain/names.js'
import { type OperationStore } from '../volume-controller/deps.js'
import { type Outcome } from '../volume-controller/operation.js'
import { storeCall, type Database } from './database.js'
import { nextFence } from './fence-counter.js'
import { type JobDiskRow } from './pass-store.js'
import {
  outcomeText,
  requestOf,
  unfinished,
  type OperationRow,
  type VolumeRow,
} from './volume-operation-rows.js'

/** What the sagas of volume operations read and write, in MariaDB. */
export function volumeOperations(db: Database, now: () => Date): OperationStore {
  const rowOf = async (id: OperationId): Promise<OperationRow> => {
    const row = await db<OperationRow>('volume_operations').where({ id }).first()
    if (row === undefined) throw new Error(`no volume operation ${id}`)
    return row
  }
  /** Others on the same volume; a volume that is not made yet has none. */
  const others = (row: OperationRow) =>
    db<OperationRow>('volume_operations').where({ volume_id: row.volume_id }).whereNot({ id: row.id })
  return {
    operation: id =>
      storeCall(`reading operation ${id}`, async () => {
        const row = await rowOf(id)
        const volume = row.volume_id === null ? null : volumeId(row.volume_id)
        return { id, request: requestOf(row), state: row.state, volumeId: volume }
      }),
    isFirst: id =>
      storeCall(`looking for operations before ${id}`, async () => {
        const row = await rowOf(id)
        if (row.volume_id === null) return true
        const older = await others(row)
          .where('number', '<', row.number)
          .whereIn('state', [...unfinished])
          .first()
        return older === undefined
      }),
    isNewest: id =>
      storeCall(`looking for operations after ${id}`, async () => {
        const row = await rowOf(id)
        return (await others(row).where('number', '>', row.number).first()) === undefined
      }),
    isReplica: volume =>
      storeCall(`looking for the job of volume ${volume}`, async () => {
        const disk = await db<JobDiskRow>('job_disks').where({ volume_id: volume }).first()
        return disk !== undefined
      }),
    isOfOurs: name =>
      storeCall(`looking for the maker of ${name}`, async () => {
        const id = makerOfVolumeName(name)
        if (id === undefined) return false
        const operation = await db<OperationRow>('volume_operations').where({ id }).first()
        return (
          operation !== undefined || (await db('replication_jobs').where({ id }).first('id')) !== undefined
        )
      }),
    begin: id =>
      storeCall(`beginning operation ${id}`, async () => {
        await db('volume_operations')
          .where({ id, state: 'pending' })
          .update({ state: 'running', started_at: now() })
      }),
    recordVolume: (id, volume) =>
      storeCall(`recording volume ${volume}`, async () => {
        await db('volume_operations').where({ id }).update({ volume_id: volume })
      }),
    succeed: (id, outcome) =>
      storeCall(`recording the end of operation ${id}`, () =>
        db.transaction(async tx => {
          const row = await tx<OperationRow>('volume_operations').where({ id }).forUpdate().first()
          if (row?.state === 'succeeded') return
          if (row?.state !== 'running' || row.volume_id === null)
            throw new Error(`operation ${id} is ${row?.state ?? 'missing'} and cannot succeed`)
          await tx('volume_operations')
            .where({ id })
            .update({ state: 'succeeded', ended_at: now(), outcome: outcomeText(outcome) })
          await recordOutcome(tx, now(), row.volume_id, outcome)
        }),
      ),
    fail: (id, failure) =>
      storeCall(`failing operation ${id}`, async () => {
        await db('volume_operations')
          .where({ id })
          .whereIn('state', [...unfinished])
          .update({
            state: 'failed',
            ended_at: now(),
            failure_code: failure.code,
            failure_message: failure.message,
          })
      }),
    noteDrift: (id, drift) =>
      storeCall(`noting a change after operation ${id}`, async () => {
        await db('volume_operations').where({ id }).update({ drift })
      }),
    nextFence: claim => nextFence(db, claim),
  }
}

/** Only volumes that an operation made are recorded; where replicas are attached is up to their passes. */
async function recordOutcome(tx: Database, at: Date, id: string, outcome: Outcome): Promise<void> {
  const volume = () => tx<VolumeRow>('volumes').where({ id })
  switch (outcome.kind) {
    case 'made': {
      const size = outcome.sizeBytes.toString()
      await tx('volumes').insert({ id, name: outcome.name, size_bytes: size, vm_id: null, updated_at: at })
      return
    }
    case 'attached':
      await volume().update({ vm_id: outcome.vmId, updated_at: at })
      return
    case 'detached':
      await volume().update({ vm_id: null, updated_at: at })
      return
    case 'deleted':
      await volume().delete()
      return
    case 'revoked':
    case 'snapshot-deleted':
  }
}
