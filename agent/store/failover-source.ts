import { type Hardware } from '../domain/hardware.js'
import { diskKey, passId, volumeId, type JobId, type SourceVmId } from '../domain/ids.js'
import { AppError } from '../errors.js'
import { type Points, type PointState, type SourceFacts } from '../failover/deps.js'
import { storeCall, type Database } from './database.js'
import { type JobDiskRow, type JobRow, type PassRow } from './pass-store.js'

/** What a twin of the VM is made from. */
export async function failoverSource(
  db: Database,
  { jobId, sourceVmId }: { readonly jobId: JobId; readonly sourceVmId: SourceVmId },
): Promise<SourceFacts> {
  const job = await db<JobRow>('replication_jobs').where('id', jobId).first()
  if (job === undefined) throw new AppError('NOT_FOUND', `replication job ${jobId}`)
  const newest = await db<{ source_vm_id: string; version: number; hardware: string }>('vm_hardware')
    .where('source_vm_id', sourceVmId)
    .orderBy('version', 'desc')
    .first()
  const disks = await db<JobDiskRow>('job_disks')
    .where('job_id', jobId)
    .orderByRaw('LENGTH(disk_key), disk_key')
  return {
    hardware: newest === undefined ? undefined : (JSON.parse(newest.hardware) as Hardware),
    isPaused: job.paused_at !== null,
    disks: disks.map(disk => ({
      diskKey: diskKey(disk.disk_key),
      label: disk.label,
      capacityBytes: BigInt(disk.capacity_bytes),
      volumeId: disk.volume_id === null ? null : volumeId(disk.volume_id),
    })),
  }
}

/**
 * Passes write to the volumes themselves: one that began to and was not committed leaves them between two points, and a
 * target that ran on them leaves them beyond theirs.
 */
export const directPoints = (db: Database): Points => ({
  state: job => storeCall(`looking for the point of job ${job}`, () => pointState(db, job)),
})

async function pointState(db: Database, jobId: JobId): Promise<PointState> {
  const job = await db<JobRow>('replication_jobs').where('id', jobId).first()
  if (job === undefined) throw new AppError('NOT_FOUND', `replication job ${jobId}`)
  if (job.recovery_point_pass_id === null) return { kind: 'none' }
  const point = await db<PassRow>('passes').where('id', job.recovery_point_pass_id).first()
  if (point === undefined) return { kind: 'none' }
  if (job.recovery_point_at === null)
    return { kind: 'unusable', why: 'A VM of the target ran on the volumes since the newest recovery point.' }
  const torn = await db<PassRow>('passes as p')
    .join('saga_events as e', 'e.saga_id', 'p.saga_id')
    .where('p.job_id', jobId)
    .where('p.number', '>', point.number)
    .where({ 'e.step': 'copy-disks', 'e.kind': 'started' })
    .orderBy('p.number', 'desc')
    .first<{ number: number } | undefined>('p.number')
  if (torn !== undefined)
    return {
      kind: 'unusable',
      why: `Pass ${torn.number} wrote to the volumes after the newest recovery point and was not committed.`,
    }
  return { kind: 'applied', passId: passId(point.id), at: job.recovery_point_at }
}
