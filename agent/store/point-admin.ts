import { randomUUID } from 'node:crypto'
import { type PointPolicyView, type PointView, type RestoreView } from '../api/points.js'
import { hoursKept } from '../domain/points.js'
import { AppError } from '../errors.js'
import { type PointAdmin } from '../http/point-deps.js'
import { type SagaState } from '../saga/log.js'
import { storeCall, type Database } from './database.js'
import { failureView } from './failure-view.js'
import { mustBeIdle } from './job-idle.js'
import { pointViews } from './point-views.js'
import { readJournal, readPolicy, type PointRow } from './points.js'
import { type RestoreRow } from './restores.js'
import { failureFromRow } from './saga-log.js'

const listed = 100

/** What operators see of points and ask for. */
export function pointAdmin(db: Database, now: () => Date): PointAdmin {
  return {
    list: job =>
      storeCall(`listing the points of job ${job}`, async () => {
        await requireJob(db, job)
        const rows = await db<PointRow>('recovery_points')
          .where('job_id', job)
          .orderBy('committed_at', 'desc')
          .limit(listed)
        const journal = await readJournal(db, job)
        return {
          items: await pointViews(db, rows),
          policy: await policyView(db, job),
          usable: journal.points.length,
          undoBytes: journal.layers.reduce((sum, layer) => sum + layer.bytes, 0n).toString(),
          hoursKept: hoursKept(journal.points.map(point => point.at)),
        }
      }),
    one: id => storeCall(`reading point ${id}`, async () => onePoint(db, id)),
    ofRound: round =>
      storeCall(`listing the points of round ${round}`, async () =>
        pointViews(db, await db<PointRow>('recovery_points').where('round_id', round).orderBy('at')),
      ),
    policy: job => storeCall(`reading the policy of job ${job}`, () => policyView(db, job)),
    changePolicy: (job, policy) =>
      storeCall(`changing the policy of job ${job}`, async () => {
        await requireJob(db, job)
        await db('point_policies')
          .insert({
            job_id: job,
            max_points: policy.maxPoints,
            max_age_seconds: policy.maxAgeSeconds,
            cap_bytes: policy.capBytes,
          })
          .onConflict('job_id')
          .merge()
      }),
    pin: (id, pinned) =>
      storeCall(`pinning point ${id}`, async () => {
        await requirePoint(db, id)
        await db('recovery_points').where({ id }).update({ pinned })
      }),
    remove: id =>
      storeCall(`deleting point ${id}`, () =>
        db.transaction(async tx => {
          await requirePoint(tx, id)
          const removed = await tx('recovery_points')
            .where({ id, state: 'kept' })
            .whereNotIn('id', tx('restores').whereNull('ended_at').select('point_id'))
            .update({ state: 'deleted', why: 'an operator deleted it', ended_at: now() })
          if (removed !== 1)
            throw new AppError('POINT_UNUSABLE', `recovery point ${id} is not one that is kept by undo`)
        }),
      ),
    startRestore: (point, { newerPoints }) =>
      storeCall(`starting a restore to point ${point}`, () => beginRestore(db, now(), point, newerPoints)),
    restore: id => storeCall(`reading restore ${id}`, () => restoreView(db, id)),
  }
}

async function onePoint(db: Database, id: string): Promise<PointView> {
  const [view] = await pointViews(db, [await requirePoint(db, id)])
  if (view === undefined) throw new AppError('NOT_FOUND', `recovery point ${id}`)
  return view
}

async function policyView(db: Database, job: string): Promise<PointPolicyView> {
  await requireJob(db, job)
  const { maxPoints, maxAgeMs, capBytes } = await readPolicy(db, job)
  const maxAgeSeconds = maxAgeMs === null ? null : maxAgeMs / 1000
  return { maxPoints, maxAgeSeconds, capBytes: capBytes.toString() }
}

const beginRestore = (
  db: Database,
  startedAt: Date,
  pointId: string,
  newerPoints: RestoreRow['newer_points'],
): Promise<string> =>
  db.transaction(async tx => {
    const { job_id: job } = await requirePoint(tx, pointId)
    await tx('replication_jobs').where({ id: job }).forUpdate().first('id')
    await mustBeIdle(tx, job)
    const point = await requirePoint(tx, pointId)
    if (point.state !== 'kept')
      throw new AppError('POINT_UNUSABLE', `recovery point ${pointId} is ${point.state}, not kept by undo`)
    const [id, sagaId] = [randomUUID(), randomUUID()]
    await tx('sagas').insert({
      id: sagaId,
      kind: 'restore',
      input: JSON.stringify({ restoreId: id, jobId: job }),
      state: 'running',
      epoch: 0,
      next_seq: 0,
      cancel_requested: false,
      created_at: startedAt,
    })
    await tx('restores').insert({
      id,
      job_id: job,
      point_id: pointId,
      saga_id: sagaId,
      newer_points: newerPoints,
      started_at: startedAt,
    })
    return id
  })

async function restoreView(db: Database, id: string): Promise<RestoreView> {
  const row = await db<RestoreRow>('restores').where({ id }).first()
  if (row === undefined) throw new AppError('NOT_FOUND', `restore ${id}`)
  const saga = await db<{ id: string; state: SagaState }>('sagas').where('id', row.saga_id).first()
  if (saga === undefined) throw new Error(`restore ${id} has no saga`)
  return {
    id,
    jobId: row.job_id,
    pointId: row.point_id,
    newerPoints: row.newer_points,
    sagaState: saga.state,
    startedAt: row.started_at.toISOString(),
    endedAt: row.ended_at?.toISOString() ?? null,
    writtenBytes: row.written_bytes,
    failure: row.failure_code === null ? null : failureView(failureFromRow(row)),
  }
}

async function requireJob(db: Database, id: string): Promise<void> {
  const row = await db('replication_jobs').where({ id }).first<{ id: string } | undefined>('id')
  if (row === undefined) throw new AppError('NOT_FOUND', `replication job ${id}`)
}

async function requirePoint(db: Database, id: string): Promise<PointRow> {
  const row = await db<PointRow>('recovery_points').where('id', id).first()
  if (row === undefined) throw new AppError('NOT_FOUND', `recovery point ${id}`)
  return row
}
