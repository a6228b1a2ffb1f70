import { diskKey, type JobId, type PassId } from '../domain/ids.js'
import { replicaOf, type Replica, type StagingStanding, type Way } from '../domain/staging.js'
import { type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { type ReadDisk, type StagingStore, type StoredSeal } from '../replication/staging-deps.js'
import { storeCall, type Database } from './database.js'
import { type JobRow, type PassRow } from './pass-store.js'

interface SealedRow {
  readonly pass_id: string
  readonly disk_key: string
  readonly data_bytes: string
  readonly zero_bytes: string
  readonly digest: string
  readonly lost: string | null
}

interface ReadRow {
  readonly pass_id: string
  readonly disk_key: string
  readonly read_areas: string | null
  readonly read_sum: string | null
}

/** Where passes write, what they staged, and what the volumes are worth meanwhile. */
export function stagingStore(db: Database): StagingStore {
  return {
    standing: (job, pass) =>
      storeCall(`reading what passes of job ${job} stage`, () => readStanding(db, job, pass)),
    recordWay: (pass, way, why) =>
      storeCall(`recording where pass ${pass} writes`, () =>
        db.transaction(async tx => {
          const row = await tx<PassRow>('passes').where({ id: pass }).forUpdate().first()
          if (row === undefined) throw new Error(`no pass ${pass}`)
          if (row.way !== null) return row.way
          await tx('passes').where({ id: pass }).update({ way })
          if (why !== null) await noteDirect(tx, row, why)
          return way
        }),
      ),
    recordSealed: (pass, disks) =>
      storeCall(`recording what pass ${pass} staged`, () =>
        db.transaction(async tx => {
          for (const disk of disks) await tx('sealed_disks').insert(rowOf(pass, disk)).onConflict().merge()
          const bytes = disks.reduce((sum, disk) => sum + disk.dataBytes, 0n)
          await tx('passes').where({ id: pass }).update({ staged_bytes: bytes.toString() })
        }),
      ),
    sealed: pass =>
      storeCall(`reading what pass ${pass} staged`, async () => {
        const rows = await db<SealedRow>('sealed_disks')
          .where({ pass_id: pass })
          .orderByRaw('LENGTH(disk_key), disk_key')
        return rows.map(sealedFromRow)
      }),
    read: pass =>
      storeCall(`reading what pass ${pass} read`, async () => {
        const rows = await db<ReadRow>('pass_disks').where('pass_id', pass)
        return rows.map(readFromRow)
      }),
    recordChecked: (pass, disk, isChecked) =>
      storeCall(`recording what pass ${pass} checked`, async () => {
        await db('pass_disks').where({ pass_id: pass, disk_key: disk }).update({ is_checked: isChecked })
      }),
    recordApplied: (pass, bytes) =>
      storeCall(`recording how far pass ${pass} is applied`, async () => {
        await db('passes').where({ id: pass }).update({ applied_bytes: bytes.toString() })
      }),
    lose: (pass, disk, why) =>
      storeCall(`recording that pass ${pass} lost disk ${disk}`, () =>
        db.transaction(async tx => {
          const row = await tx<PassRow>('passes').where({ id: pass }).forUpdate().first()
          if (row === undefined) throw new Error(`no pass ${pass}`)
          await tx('sealed_disks').where({ pass_id: pass, disk_key: disk }).update({ lost: why })
          await tx('job_disks')
            .where({ job_id: row.job_id, disk_key: disk })
            .update({ change_id: null, full_reason: why })
          await tx('replication_jobs').where({ id: row.job_id }).update({ replica_doubt: why })
          await putNote(tx, pass, 'staging-lost', `disk ${disk}: ${why}`)
        }),
      ),
  }
}

async function noteDirect(tx: Database, pass: PassRow, why: string): Promise<void> {
  const doubt = `pass ${pass.number} writes the volumes directly: ${why}`
  await tx('replication_jobs').where({ id: pass.job_id }).update({ replica_doubt: doubt })
  await putNote(tx, pass.id, 'direct', doubt)
}

const putNote = async (tx: Database, pass: string, kind: string, note: string): Promise<void> => {
  await tx('pass_notes').insert({ pass_id: pass, kind, note }).onConflict(['pass_id', 'kind']).merge()
}

async function readStanding(db: Database, job: JobId, pass: PassId): Promise<StagingStanding> {
  const row = await db<JobRow>('replication_jobs').where({ id: job }).first()
  if (row === undefined) throw new AppError('NOT_FOUND', `replication job ${job}`)
  const earlier = () =>
    // Without those that were not begun for want of room: they tell nothing.
    db<PassRow>('passes')
      .where('job_id', job)
      .whereNot('id', pass)
      .whereNotNull('way')
      .orderBy('number', 'desc')
  const newest = await earlier().first()
  const staged = await earlier().whereNotNull('staged_bytes').first()
  const known = [
    ...(staged?.staged_bytes === null || staged?.staged_bytes === undefined
      ? []
      : [BigInt(staged.staged_bytes)]),
    ...(newest?.failure_code === 'STAGING_FULL' ? [await wantedBytes(db, newest.id)] : []),
  ]
  return {
    policy: row.staging_policy,
    hasPoint: row.recovery_point_pass_id !== null,
    expectedBytes: known.length === 0 ? null : known.reduce((most, one) => (one > most ? one : most)),
  }
}

/** What a pass that did not fit had to stage: its plan, or where differences were looked for what it had found by then. */
async function wantedBytes(db: Database, pass: string): Promise<Bytes> {
  const rows: { sync_type: string | null; planned_bytes: string | null; written_bytes: string }[] = await db(
    'pass_disks',
  )
    .where('pass_id', pass)
    .select('sync_type', 'planned_bytes', 'written_bytes')
  return rows.reduce(
    (sum, { sync_type: type, planned_bytes: planned, written_bytes: written }) =>
      sum + BigInt(type === 'compare' || planned === null ? written : planned),
    0n,
  )
}

const rowOf = (pass: PassId, { diskKey: disk, dataBytes, zeroBytes, digest }: StoredSeal) => ({
  pass_id: pass,
  disk_key: disk,
  data_bytes: dataBytes.toString(),
  zero_bytes: zeroBytes.toString(),
  digest,
})

const readFromRow = ({ disk_key: key, read_areas: areas, read_sum: sum }: ReadRow): ReadDisk => ({
  diskKey: diskKey(key),
  proof: areas === null || sum === null ? null : { areas, sum },
})

const sealedFromRow = (row: SealedRow): StoredSeal => ({
  diskKey: diskKey(row.disk_key),
  dataBytes: BigInt(row.data_bytes),
  zeroBytes: BigInt(row.zero_bytes),
  digest: row.digest,
})

/** What the volumes of a job are worth; `pointPass`: the pass its recovery point is of. */
export const replicaFromRows = (
  job: { readonly recovery_point_at: Date | null; readonly replica_doubt: string | null },
  pointPass: { readonly state: PassRow['state']; readonly way: Way | null } | undefined,
): Replica =>
  replicaOf({
    hasPoint: job.recovery_point_at !== null,
    doubt: job.replica_doubt,
    isToBeApplied: pointPass?.state === 'committed' && pointPass.way === 'staged',
  })
