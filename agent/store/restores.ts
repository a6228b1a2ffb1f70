import { jobId, layerId, pointId } from '../domain/ids.js'
import { type PointStore } from '../replication/points/deps.js'
import { storeCall, type Database } from './database.js'

export interface RestoreRow {
  readonly id: string
  readonly job_id: string
  readonly point_id: string
  readonly saga_id: string
  readonly newer_points: 'keep' | 'drop'
  readonly started_at: Date
  readonly ended_at: Date | null
  readonly written_bytes: string | null
  readonly failure_code: string | null
  readonly failure_message: string | null
}

/** Restores, in MariaDB: a part of pointStore(). */
export function restoreRows(
  db: Database,
  now: () => Date,
): Pick<PointStore, 'restore' | 'restoreDone' | 'restoreFailed'> {
  return {
    restore: id =>
      storeCall(`reading restore ${id}`, async () => {
        const row = await readRestore(db, id)
        return {
          id: layerId(row.id),
          jobId: jobId(row.job_id),
          pointId: pointId(row.point_id),
          newerPoints: row.newer_points,
        }
      }),
    restoreDone: (id, writtenBytes) =>
      storeCall(`recording restore ${id}`, () =>
        db.transaction(async tx => {
          const row = await readRestore(tx, id)
          if (row.ended_at !== null) return
          await comeBack(tx, row, now())
          await tx('restores')
            .where({ id })
            .update({ ended_at: now(), written_bytes: writtenBytes.toString() })
        }),
      ),
    restoreFailed: (id, failure) =>
      storeCall(`failing restore ${id}`, async () => {
        await db('restores').where({ id }).whereNull('ended_at').update({
          ended_at: now(),
          failure_code: failure.code,
          failure_message: failure.message,
        })
      }),
  }
}

/**
 * The point is on its volumes again, and the job's. No change ID fits it: vSphere's would tell what changed since a later
 * point, so the next pass compares, and says why.
 */
async function comeBack(
  tx: Database,
  { id, job_id: job, point_id: point }: RestoreRow,
  at: Date,
): Promise<void> {
  const writing = await tx<{ seq: number }>('volume_writings').where('id', id).first()
  const held = await tx<{ pass_id: string; at: Date }>('recovery_points').where('id', point).first()
  if (writing === undefined || held === undefined) throw new Error(`restore ${id} has no writing or no point`)
  await tx('recovery_points').where({ job_id: job, state: 'committed' }).update({
    state: 'lost',
    why: 'an older point was restored before it came on its volumes',
    ended_at: at,
  })
  await tx('recovery_points').where({ id: point }).update({ state: 'on-volume', position: writing.seq })
  await tx('replication_jobs')
    .where({ id: job })
    .update({ recovery_point_pass_id: held.pass_id, recovery_point_at: held.at, replica_doubt: null })
  const why = `the volumes were brought back to the recovery point of ${held.at.toISOString()}`
  await tx('job_disks').where({ job_id: job }).update({ change_id: null, full_reason: why })
}

async function readRestore(db: Database, id: string): Promise<RestoreRow> {
  const row = await db<RestoreRow>('restores').where({ id }).first()
  if (row === undefined) throw new Error(`no restore ${id}`)
  return row
}
