import { changeId, diskKey, jobId, sourceVmId, volumeId, type JobId, type PassId } from '../domain/ids.js'
import { isCommitted, statesBefore, type PassState } from '../domain/pass-state.js'
import { type StagingPolicy, type Way } from '../domain/staging.js'
import { AppError } from '../errors.js'
import {
  type CopyReport,
  type FrozenVm,
  type Job,
  type JobDisk,
  type PassStore,
  type QuiescePolicy,
} from '../replication/deps.js'
import { storeCall, type Database } from './database.js'
import { lastPass, readPace, recordPace } from './pass-pace.js'
import { nextFence } from './fence-counter.js'
import { recordPoint } from './point-commit.js'
import { recordHardware } from './vm-hardware.js'

export interface JobRow {
  readonly id: string
  readonly source_vm_id: string
  readonly vm_name: string
  readonly created_at: Date
  readonly recovery_point_pass_id: string | null
  readonly recovery_point_at: Date | null
  readonly quiesce: QuiescePolicy
  readonly paused_at: Date | null
  readonly stopped_at: Date | null
  readonly staging_policy: StagingPolicy
  /** Why the volumes are no recovery point although one was committed; null: they are, or become it. */
  readonly replica_doubt: string | null
}

export interface JobDiskRow {
  readonly job_id: string
  readonly disk_key: string
  readonly label: string
  readonly capacity_bytes: string
  readonly backing_uuid: string
  readonly base_file: string
  readonly full_reason: string | null
  readonly volume_id: string | null
  readonly volume_is_ours: number
  readonly change_id: string | null
  readonly held_volume_id: string | null
  readonly held_bytes: string | null
  /** Where the next scrub begins. */
  readonly scrubbed_below: string
}

export interface PassRow {
  readonly id: string
  readonly job_id: string
  readonly number: number
  /** Null: it belongs to no round. */
  readonly round_id: string | null
  readonly saga_id: string
  readonly state: PassState
  readonly mode: 'snapshot' | 'final'
  readonly consistency: FrozenVm['consistency'] | null
  readonly started_at: Date
  readonly snapshot_at: Date | null
  readonly ended_at: Date | null
  readonly failure_code: string | null
  readonly failure_message: string | null
  /** Null until it has chosen. */
  readonly way: Way | null
  /** Data that was sealed to be applied; null: none was. */
  readonly staged_bytes: string | null
  readonly applied_bytes: string | null
}

/** What the pass saga reads and writes, in MariaDB. */
export function passStore(db: Database, now: () => Date): PassStore {
  return {
    job: id => storeCall(`reading job ${id}`, () => readJob(db, id)),
    recordDisks: (job, disks) =>
      storeCall(`recording the disks of job ${job}`, () =>
        db.transaction(async tx => {
          for (const disk of disks) {
            await tx('job_disks')
              .insert({
                ...diskColumns(disk),
                job_id: job,
                disk_key: disk.diskKey,
                volume_id: null,
                volume_is_ours: true,
              })
              .onConflict(['job_id', 'disk_key'])
              .merge(['label', 'capacity_bytes', 'backing_uuid', 'base_file'])
            if (disk.fullReason !== null)
              await tx('job_disks')
                .where({ job_id: job, disk_key: disk.diskKey })
                .update({ change_id: null, full_reason: disk.fullReason })
          }
        }),
      ),
    recordVolume: (job, disk, volume) =>
      storeCall(`recording volume ${volume}`, async () => {
        await db('job_disks').where({ job_id: job, disk_key: disk }).update({ volume_id: volume })
      }),
    forgetVolume: (job, disk, volume) =>
      storeCall(`forgetting volume ${volume}`, async () => {
        await db('job_disks')
          .where({ job_id: job, disk_key: disk, volume_id: volume })
          .update({ volume_id: null })
      }),
    advance: (pass, to) => storeCall(`moving pass ${pass} to ${to}`, () => advance(db, pass, to, {})),
    recordSnapshot: (pass, frozen, disks) =>
      storeCall(`recording the snapshot of pass ${pass}`, () =>
        db.transaction(async tx => {
          const { createdAt, consistency, notes, freezeSeconds } = frozen
          await tx('passes')
            .where({ id: pass })
            .update({ snapshot_at: createdAt, consistency, freeze_seconds: freezeSeconds })
          if (notes.length > 0) await putNote(tx, pass, 'frozen', notes.join('; '))
          await recordHardware(tx, pass, frozen)
          for (const disk of disks) {
            await tx('pass_disks')
              .insert({
                pass_id: pass,
                disk_key: disk.diskKey,
                change_id_before: disk.changeIdBefore,
                fallbacks: '[]',
              })
              .onConflict(['pass_id', 'disk_key'])
              .ignore()
          }
        }),
      ),
    lastPass: (job, pass) => storeCall(`reading the last pass of job ${job}`, () => lastPass(db, job, pass)),
    recordPace: (pass, decision) =>
      storeCall(`recording the pace of pass ${pass}`, () => recordPace(db, pass, decision)),
    pace: pass => storeCall(`reading the pace of pass ${pass}`, () => readPace(db, pass)),
    recordRemoval: (pass, seconds) =>
      storeCall(`recording the removal of the snapshot of pass ${pass}`, async () => {
        await db('passes').where({ id: pass }).update({ removal_seconds: seconds })
      }),
    note: (pass, kind, note) =>
      storeCall(`noting something of pass ${pass}`, () => putNote(db, pass, kind, note)),
    recordCounters: (pass, disks) =>
      storeCall(`recording the counters of pass ${pass}`, () => recordCounters(db, pass, disks)),
    commit: (pass, disks, doubt) =>
      storeCall(`committing pass ${pass}`, () =>
        db.transaction(async tx => {
          const row = await tx<PassRow>('passes').where({ id: pass }).forUpdate().first()
          if (row === undefined) throw new Error(`no pass ${pass}`)
          if (isCommitted(row.state)) return
          await advance(tx, pass, 'committed', { ended_at: now() })
          await tx('replication_jobs').where({ id: row.job_id }).update({
            recovery_point_pass_id: pass,
            recovery_point_at: row.snapshot_at,
            replica_doubt: null,
          })
          for (const disk of disks) {
            const stored = await tx('job_disks')
              .where({ job_id: row.job_id, disk_key: disk.diskKey })
              .update({
                change_id: doubt === null ? disk.changeId : null,
                full_reason: doubt,
                held_volume_id: tx.ref('volume_id'),
                held_bytes: tx.ref('capacity_bytes'),
              })
            if (stored !== 1)
              throw new Error(`pass ${pass} commits disk ${disk.diskKey}, which its job does not have`)
            await tx('pass_disks')
              .where({ pass_id: pass, disk_key: disk.diskKey })
              .update({ change_id_after: disk.changeId })
          }
          await recordPoint(tx, row, now())
        }),
      ),
    fail: (pass, failure) =>
      storeCall(`failing pass ${pass}`, () =>
        advance(db, pass, 'failed', {
          ended_at: now(),
          failure_code: failure.code,
          failure_message: failure.message,
        }),
      ),
    nextFence: claim => nextFence(db, claim),
  }
}

const putNote = async (db: Database, pass: PassId, kind: string, note: string): Promise<void> => {
  await db('pass_notes').insert({ pass_id: pass, kind, note }).onConflict(['pass_id', 'kind']).merge()
}

async function readJob(db: Database, id: JobId): Promise<Job> {
  const row = await db<JobRow>('replication_jobs').where({ id }).first()
  if (row === undefined) throw new AppError('NOT_FOUND', `replication job ${id}`)
  const disks = await db<JobDiskRow>('job_disks')
    .where({ job_id: id })
    .orderByRaw('LENGTH(disk_key), disk_key')
  return {
    id: jobId(row.id),
    sourceVmId: sourceVmId(row.source_vm_id),
    quiesce: row.quiesce,
    disks: disks.map(jobDiskFromRow),
    hasRecoveryPoint: row.recovery_point_pass_id !== null,
  }
}

function jobDiskFromRow(row: JobDiskRow): JobDisk {
  return {
    diskKey: diskKey(row.disk_key),
    label: row.label,
    capacityBytes: BigInt(row.capacity_bytes),
    backingUuid: row.backing_uuid,
    baseFile: row.base_file,
    fullReason: row.full_reason,
    volumeId: row.volume_id === null ? null : volumeId(row.volume_id),
    volumeIsOurs: row.volume_is_ours === 1,
    held: heldFromRow(row),
    changeId: row.change_id === null ? null : changeId(row.change_id),
  }
}

const heldFromRow = ({ held_volume_id: volume, held_bytes: bytes }: JobDiskRow): JobDisk['held'] =>
  volume === null || bytes === null ? null : { volumeId: volumeId(volume), bytes: BigInt(bytes) }

const diskColumns = (disk: Pick<JobDisk, 'label' | 'capacityBytes' | 'backingUuid' | 'baseFile'>) => ({
  label: disk.label,
  capacity_bytes: disk.capacityBytes.toString(),
  backing_uuid: disk.backingUuid,
  base_file: disk.baseFile,
})

async function advance(db: Database, pass: PassId, to: PassState, more: object): Promise<void> {
  const changed = await db('passes')
    .where({ id: pass })
    .whereIn('state', [...statesBefore(to)])
    .update({ state: to, ...more })
  if (changed === 1) return
  const row = await db<PassRow>('passes').where({ id: pass }).first()
  if (row?.state !== to) throw new Error(`pass ${pass} is ${row?.state ?? 'missing'} and cannot become ${to}`)
}

async function recordCounters(db: Database, pass: PassId, disks: CopyReport['disks']): Promise<void> {
  for (const disk of disks) {
    await db('pass_disks')
      .where({ pass_id: pass, disk_key: disk.diskKey })
      .update({
        sync_type: disk.syncType,
        planned_bytes: disk.plannedBytes.toString(),
        read_bytes: disk.readBytes.toString(),
        written_bytes: disk.writtenBytes.toString(),
        zeroed_bytes: disk.zeroedBytes.toString(),
        skipped_bytes: disk.skippedBytes.toString(),
        sent_again_bytes: disk.sentAgainBytes.toString(),
        retried_requests: disk.retriedRequests,
        rate_bytes_per_sec: disk.rateBytesPerSec.toString(),
        seconds: disk.seconds,
        fallbacks: JSON.stringify(disk.fallbacks),
        read_areas: disk.readProof?.areas ?? null,
        read_sum: disk.readProof?.sum ?? null,
      })
  }
}
