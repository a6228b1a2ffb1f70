import { diskKey, jobId, layerId, passId, pointId, volumeId } from '../domain/ids.js'
import { defaultPointPolicy, type PointPolicy } from '../domain/points.js'
import { AppError } from '../errors.js'
import {
  type Journal,
  type KeptLayer,
  type PointStore,
  type SavedVolume,
  type UsablePoint,
  type Writing,
} from '../replication/points/deps.js'
import { storeCall, type Database } from './database.js'
import { type JobRow } from './pass-store.js'
import { restoreRows } from './restores.js'

export type PointState = 'committed' | 'on-volume' | 'kept' | 'expired' | 'deleted' | 'lost'

export interface PointRow {
  readonly id: string
  readonly job_id: string
  readonly pass_id: string
  readonly round_id: string | null
  readonly at: Date
  readonly committed_at: Date
  readonly state: PointState
  readonly position: number | null
  readonly pinned: number
  readonly why: string | null
  readonly ended_at: Date | null
}

export interface PointDiskRow {
  readonly point_id: string
  readonly disk_key: string
  readonly label: string
  readonly volume_id: string
  readonly size_bytes: string
}

export interface WritingRow {
  readonly id: string
  readonly job_id: string
  readonly seq: number
  readonly kind: 'pass' | 'restore'
  readonly state: Writing['state']
  readonly bytes: string
  /** JSON. */
  readonly volumes: string
}

export interface PolicyRow {
  readonly job_id: string
  readonly max_points: number
  readonly max_age_seconds: number | null
  readonly cap_bytes: string
}

/**
 * No point of the job can be reached any more, because its volumes are written without undo. What was saved for them is let go
 * by the next tending. The caller holds the row of the job. Gives how many points that were.
 */
export async function endPoints(
  tx: Database,
  job: string,
  { state, why, at }: { readonly state: 'expired' | 'lost'; readonly why: string; readonly at: Date },
): Promise<number> {
  await tx('volume_writings')
    .where({ job_id: job })
    .whereIn('state', ['sealed', 'saving'])
    .update({ state: 'gone' })
  return tx('recovery_points')
    .where({ job_id: job })
    .whereIn('state', ['on-volume', 'kept'])
    .update({ state, why, ended_at: at })
}

/** Points and writings, in MariaDB. The row of the job is locked by whoever changes either. */
export function pointStore(db: Database, now: () => Date): PointStore {
  return {
    journal: job => storeCall(`reading the points of job ${job}`, () => readJournal(db, job)),
    jobOf: point =>
      storeCall(`reading point ${point}`, async () => {
        const row = await db<PointRow>('recovery_points').where('id', point).first()
        if (row === undefined) throw new AppError('NOT_FOUND', `recovery point ${point}`)
        return jobId(row.job_id)
      }),
    beginWriting: (job, id, kind) =>
      storeCall(`recording writing ${id}`, () =>
        db.transaction(async tx => {
          await lockJob(tx, job)
          const known = await tx<WritingRow>('volume_writings').where({ id }).first()
          if (known !== undefined) return writingFromRow(known)
          const seq = (await newestSeq(tx, job)) + 1
          const row = { id, job_id: job, seq, kind, state: 'saving' as const, volumes: '[]', began_at: now() }
          await tx('volume_writings').insert(row)
          return { id, seq, state: 'saving' }
        }),
      ),
    sealWriting: (id, volumes) =>
      storeCall(`recording the undo of ${id}`, () =>
        db.transaction(async tx => {
          const row = await lockWriting(tx, id)
          if (row.state === 'sealed') return
          if (row.state !== 'saving') throw new Error(`writing ${id} is ${row.state} and cannot be sealed`)
          const bytes = volumes.reduce((sum, one) => sum + one.bytes, 0n)
          await tx('volume_writings')
            .where({ id })
            .update({
              state: 'sealed',
              bytes: bytes.toString(),
              volumes: JSON.stringify(volumes.map(asText)),
            })
          await tx('recovery_points')
            .where({ job_id: row.job_id, state: 'on-volume' })
            .update({ state: 'kept' })
        }),
      ),
    giveUpPoints: (id, state, why) =>
      storeCall(`giving up the points before writing ${id}`, () =>
        db.transaction(async tx => {
          const { job_id: job } = await lockWriting(tx, id)
          const lost = await endPoints(tx, job, { state, why, at: now() })
          await tx('volume_writings').where({ id }).update({ state: 'none' })
          return lost
        }),
      ),
    giveUpNewer: (id, position, why) =>
      storeCall(`giving up the points newer than the one restored by ${id}`, () =>
        db.transaction(async tx => {
          const { job_id: job } = await lockWriting(tx, id)
          const lost = await tx('recovery_points')
            .where({ job_id: job })
            .where('position', '>', position)
            .whereIn('state', ['on-volume', 'kept'])
            .update({ state: 'lost', why, ended_at: now() })
          await tx('volume_writings').where({ id }).update({ state: 'none' })
          return lost
        }),
      ),
    passWritten: pass =>
      storeCall(`recording that pass ${pass} is on its volumes`, () =>
        db.transaction(async tx => {
          const point = await tx<PointRow>('recovery_points').where({ pass_id: pass }).first()
          if (point === undefined) throw new Error(`pass ${pass} has no point`)
          await lockJob(tx, point.job_id)
          const job = await tx<JobRow>('replication_jobs').where('id', point.job_id).first()
          const doubt = job?.replica_doubt ?? null
          const position = await newestSeq(tx, point.job_id)
          await tx('recovery_points')
            .where({ id: point.id, state: 'committed' })
            .update(
              doubt === null
                ? { state: 'on-volume', position }
                : { state: 'lost', why: doubt, ended_at: now() },
            )
        }),
      ),
    abandonWriting: id =>
      storeCall(`abandoning writing ${id}`, async () => {
        await db('volume_writings').where({ id, state: 'saving' }).update({ state: 'gone' })
      }),
    leave: points =>
      storeCall('letting points go', () =>
        db.transaction(async tx => {
          for (const { id, state, why } of points)
            await tx('recovery_points')
              .where({ id })
              .whereIn('state', ['kept', 'on-volume'])
              .whereNotIn('id', tx('restores').whereNull('ended_at').select('point_id'))
              .update({ state, why, ended_at: now() })
        }),
      ),
    dropLayers: ids =>
      storeCall('letting undo go', async () => {
        await db('volume_writings')
          .whereIn('id', [...ids])
          .where({ state: 'sealed' })
          .update({ state: 'gone' })
      }),
    ...restoreRows(db, now),
    writings: () =>
      storeCall('listing all undo', async () => {
        const rows = await db('volume_writings as w')
          .leftJoin('replication_jobs as j', 'j.id', 'w.job_id')
          .select<(WritingRow & { readonly has_job: string | null })[]>('w.*', 'j.id as has_job')
        return rows.map(row => ({
          ...writingFromRow(row),
          jobId: row.has_job === null ? null : jobId(row.has_job),
        }))
      }),
  }
}

export async function readJournal(db: Database, job: string): Promise<Journal> {
  const policy = await readPolicy(db, job)
  const rows = await db<PointRow>('recovery_points')
    .where({ job_id: job })
    .whereIn('state', ['on-volume', 'kept'])
    .orderBy('position')
  const ids = rows.map(row => row.id)
  const disks = await db<PointDiskRow>('recovery_point_disks').whereIn('point_id', ids)
  const layers = await db<WritingRow>('volume_writings')
    .where({ job_id: job, state: 'sealed' })
    .orderBy('seq')
  return { policy, points: rows.map(row => usableFromRow(row, disks)), layers: layers.map(layerFromRow) }
}

export async function readPolicy(db: Database, job: string): Promise<PointPolicy> {
  const row = await db<PolicyRow>('point_policies').where({ job_id: job }).first()
  if (row === undefined) return defaultPointPolicy
  return {
    maxPoints: row.max_points,
    maxAgeMs: row.max_age_seconds === null ? null : row.max_age_seconds * 1000,
    capBytes: BigInt(row.cap_bytes),
  }
}

function usableFromRow(row: PointRow, disks: readonly PointDiskRow[]): UsablePoint {
  if (row.position === null || (row.state !== 'on-volume' && row.state !== 'kept'))
    throw new Error(`point ${row.id} is ${row.state} and has no place`)
  return {
    id: pointId(row.id),
    passId: passId(row.pass_id),
    at: row.at,
    state: row.state,
    pinned: row.pinned === 1,
    position: row.position,
    disks: disks
      .filter(disk => disk.point_id === row.id)
      .map(disk => ({
        diskKey: diskKey(disk.disk_key),
        volumeId: volumeId(disk.volume_id),
        sizeBytes: BigInt(disk.size_bytes),
      })),
  }
}

function layerFromRow(row: WritingRow): KeptLayer {
  const volumes = JSON.parse(row.volumes) as readonly { readonly volumeId: string; readonly bytes: string }[]
  return {
    id: layerId(row.id),
    seq: row.seq,
    bytes: BigInt(row.bytes),
    volumes: volumes.map(one => ({ volumeId: volumeId(one.volumeId), bytes: BigInt(one.bytes) })),
  }
}

const writingFromRow = ({ id, seq, state }: WritingRow): Writing => ({ id: layerId(id), seq, state })

const asText = ({ volumeId: volume, bytes }: SavedVolume) => ({ volumeId: volume, bytes: bytes.toString() })

async function lockJob(tx: Database, job: string): Promise<void> {
  const row = await tx('replication_jobs')
    .where({ id: job })
    .forUpdate()
    .first<{ id: string } | undefined>('id')
  if (row === undefined) throw new AppError('NOT_FOUND', `replication job ${job}`)
}

async function lockWriting(tx: Database, id: string): Promise<WritingRow> {
  const row = await tx<WritingRow>('volume_writings').where({ id }).forUpdate().first()
  if (row === undefined) throw new Error(`no writing ${id}`)
  return row
}

async function newestSeq(tx: Database, job: string): Promise<number> {
  const row = await tx('volume_writings')
    .where({ job_id: job })
    .orderBy('seq', 'desc')
    .first<{ seq: number } | undefined>('seq')
  return row?.seq ?? 0
}
