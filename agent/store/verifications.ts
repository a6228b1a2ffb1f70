import { randomUUID } from 'node:crypto'
import { type VerifiedState } from '../api/schemas.js'
import { type StartVerification, type VerificationView } from '../api/verification.js'
import { diskKey, verificationId } from '../domain/ids.js'
import { roundDown, roundUp, type Bytes } from '../domain/units.js'
import { AppError } from '../errors.js'
import { type VerificationAdmin } from '../http/deps.js'
import { type VerificationStore, type VerifiedDisk } from '../replication/verify/deps.js'
import { storeCall, type Database } from './database.js'
import { mustBeIdle } from './job-idle.js'
import { type JobDiskRow, type JobRow } from './pass-store.js'
import { verificationDisks, verificationView, type VerificationRow } from './verification-views.js'

/** What the engine hashes at a time; larger blocks make less evidence, smaller ones name the place better. */
const blockBytes = 1024 * 1024

/** A part of each disk, taken up where the last one ended. */
export interface Scrub {
  readonly bytesPerSecond: Bytes
  /** Of all disks together. */
  readonly budgetBytes: Bytes
}

/** What the verification saga reads and writes, in MariaDB. */
export function verificationStore(db: Database, now: () => Date): VerificationStore {
  return {
    plan: id =>
      storeCall(`reading verification ${id}`, async () => {
        const row = await db<VerificationRow>('verifications').where({ id }).first()
        if (row === undefined) throw new Error(`no verification ${id}`)
        const disks = await verificationDisks(db, id)
        return {
          settings: {
            algorithm: row.algorithm,
            blockBytes: row.block_bytes,
            bytesPerSecond: row.bytes_per_second === null ? null : BigInt(row.bytes_per_second),
          },
          windows: disks.map(disk => ({
            diskKey: diskKey(disk.disk_key),
            fromBytes: BigInt(disk.from_bytes),
            untilBytes: BigInt(disk.until_bytes),
          })),
        }
      }),
    record: (id, disks) =>
      storeCall(`keeping the evidence of verification ${id}`, () =>
        db.transaction(async tx => {
          const row = await tx<VerificationRow>('verifications').where({ id }).forUpdate().first()
          if (row === undefined) throw new Error(`no verification ${id}`)
          if (row.ended_at !== null) return
          for (const disk of disks) await recordDisk(tx, row, disk)
          await tx('verifications').where({ id }).update({ ended_at: now() })
        }),
      ),
    fail: (id, failure) =>
      storeCall(`failing verification ${id}`, async () => {
        await db('verifications').where({ id }).whereNull('ended_at').update({
          ended_at: now(),
          failure_code: failure.code,
          failure_message: failure.message,
        })
      }),
  }
}

const stateOf = (disk: VerifiedDisk): VerifiedState => {
  if (disk.kind === 'unknown') return 'unknown'
  return disk.differingBlocks === 0 ? 'identical' : 'different'
}

async function recordDisk(tx: Database, row: VerificationRow, disk: VerifiedDisk): Promise<void> {
  const place = { verification_id: row.id, disk_key: disk.diskKey }
  const figures =
    disk.kind === 'unknown'
      ? { why: disk.why }
      : {
          blocks: disk.blocks,
          differing_blocks: disk.differingBlocks,
          first_difference: disk.firstDifference?.toString() ?? null,
          compared_bytes: disk.comparedBytes.toString(),
          left_out_bytes: disk.leftOutBytes.toString(),
          source_read_bytes: disk.sourceReadBytes.toString(),
          target_read_bytes: disk.targetReadBytes.toString(),
        }
  await tx('verification_disks')
    .where(place)
    .update({ state: stateOf(disk), ...figures })
  const own = tx('job_disks').where({ job_id: row.job_id, disk_key: disk.diskKey })
  if (disk.kind === 'compared' && disk.differingBlocks > 0) {
    const why = `a verification at ${row.started_at.toISOString()} found ${disk.differingBlocks} blocks that differ`
    await own.clone().update({ change_id: null, full_reason: why })
  }
  if (disk.kind === 'compared' && row.triggered_by === 'scrub') {
    const window = await tx<{ until_bytes: string }>('verification_disks').where(place).first()
    await own.clone().update({ scrubbed_below: window?.until_bytes ?? '0' })
  }
}

/** What operators ask for and see, and what the scrub asks for. */
export function verificationAdmin(
  db: Database,
  now: () => Date,
): VerificationAdmin & {
  readonly scrub: (jobId: string, scrub: Scrub) => Promise<void>
  /** The job whose last scrub began longest before `before`, or never; undefined: none, or one runs. */
  readonly dueForScrub: (before: Date) => Promise<string | undefined>
} {
  return {
    start: (jobId, wanted) =>
      storeCall(`starting a verification of job ${jobId}`, () => begin(db, now(), jobId, wanted, null)),
    scrub: async (jobId, scrub) => {
      const wanted = { bytesPerSecond: scrub.bytesPerSecond.toString() }
      await storeCall(`starting a scrub of job ${jobId}`, () => begin(db, now(), jobId, wanted, scrub))
    },
    list: jobId =>
      storeCall(`listing the verifications of job ${jobId}`, async () => {
        const rows = await db<VerificationRow>('verifications')
          .where('job_id', jobId)
          .orderBy('started_at', 'desc')
          .limit(100)
        return Promise.all(rows.map(row => verificationView(db, row)))
      }),
    one: id => storeCall(`reading verification ${id}`, () => readOne(db, id)),
    requestCancel: id =>
      storeCall(`cancelling verification ${id}`, async () => {
        const row = await db<VerificationRow>('verifications').where({ id }).first()
        if (row === undefined) throw new AppError('NOT_FOUND', `verification ${id}`)
        await db('sagas').where({ id: row.saga_id, state: 'running' }).update({ cancel_requested: true })
        return { sagaId: row.saga_id }
      }),
    dueForScrub: before =>
      storeCall('looking for a job to scrub', async () => {
        const running = await db('verifications as v')
          .join('sagas as s', 's.id', 'v.saga_id')
          .whereNot('s.state', 'done')
          .where('v.triggered_by', 'scrub')
          .first<{ id: string } | undefined>('v.id')
        if (running !== undefined) return undefined
        const last = db('verifications')
          .where('triggered_by', 'scrub')
          .groupBy('job_id')
          .select('job_id')
          .max({ at: 'started_at' })
          .as('l')
        const passing = db('passes as p')
          .join('sagas as s', 's.id', 'p.saga_id')
          .whereNot('s.state', 'done')
          .select('p.job_id')
        const due = await db('replication_jobs as j')
          .leftJoin(last, 'l.job_id', 'j.id')
          .whereNotNull('j.recovery_point_at')
          .whereNull('j.replica_doubt')
          .whereNotIn('j.id', passing)
          .whereRaw('(l.at IS NULL OR l.at < ?)', [before])
          .orderByRaw('l.at IS NOT NULL, l.at')
          .first<{ id: string } | undefined>('j.id')
        return due?.id
      }),
  }
}

async function readOne(db: Database, id: string): Promise<VerificationView> {
  const row = await db<VerificationRow>('verifications').where({ id }).first()
  if (row === undefined) throw new AppError('NOT_FOUND', `verification ${id}`)
  return verificationView(db, row)
}

const begin = (
  db: Database,
  startedAt: Date,
  jobId: string,
  wanted: NonNullable<StartVerification>,
  scrub: Scrub | null,
): Promise<string> =>
  db.transaction(async tx => {
    const job = await tx<JobRow>('replication_jobs').where('id', jobId).forUpdate().first()
    if (job === undefined) throw new AppError('NOT_FOUND', `replication job ${jobId}`)
    if (job.recovery_point_at === null) throw new AppError('JOB_HAS_NO_POINT', `job ${jobId}`)
    if (job.replica_doubt !== null)
      throw new AppError('JOB_HAS_NO_POINT', `job ${jobId}: ${job.replica_doubt}`)
    await mustBeIdle(tx, jobId)
    const [id, sagaId] = [verificationId(randomUUID()), randomUUID()]
    await tx('sagas').insert({
      id: sagaId,
      kind: 'verification',
      input: JSON.stringify({ verificationId: id, jobId }),
      state: 'running',
      epoch: 0,
      next_seq: 0,
      cancel_requested: false,
      created_at: startedAt,
    })
    await tx('verifications').insert({
      id,
      job_id: jobId,
      saga_id: sagaId,
      triggered_by: scrub === null ? 'operator' : 'scrub',
      started_at: startedAt,
      recovery_point_at: job.recovery_point_at,
      algorithm: wanted.algorithm ?? 'xxh3-128',
      block_bytes: blockBytes,
      bytes_per_second: wanted.bytesPerSecond ?? null,
    })
    const disks = await tx<JobDiskRow>('job_disks').where('job_id', jobId).whereNotNull('held_bytes')
    for (const disk of disks) {
      const [from, until] = windowOf(disk, scrub, BigInt(disks.length))
      await tx('verification_disks').insert({
        verification_id: id,
        disk_key: disk.disk_key,
        label: disk.label,
        from_bytes: from.toString(),
        until_bytes: until.toString(),
      })
    }
    return id
  })

/** A scrub goes on where the last one of the disk ended, and begins anew behind its end. */
function windowOf(disk: JobDiskRow, scrub: Scrub | null, disks: bigint): readonly [Bytes, Bytes] {
  const held = BigInt(disk.held_bytes ?? '0')
  if (scrub === null) return [0n, held]
  const below = BigInt(disk.scrubbed_below)
  const from = below >= held ? 0n : roundDown(below, BigInt(blockBytes))
  const until = from + roundUp(scrub.budgetBytes / disks + 1n, BigInt(blockBytes))
  return [from, until < held ? until : held]
}
