import { type Hardware } from '../domain/hardware.js'
import { diskKey, passId, volumeId, type JobId, type SourceVmId } from '../domain/ids.js'
import { AppError } from '../errors.js'
import { type Points, type PointState, type SourceFacts } from '../failover/deps.js'
import { storeCall, type Database } from './database.js'
import { type JobDiskRow, type JobRow } from './pass-store.js'
import { readReplica } from './replica-view.js'

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

/** What the volumes of a job are worth, as a failover has to know it. */
export const replicaPoints = (db: Database): Points => ({
  state: job => storeCall(`looking for the point of job ${job}`, () => pointState(db, job)),
})

async function pointState(db: Database, jobId: JobId): Promise<PointState> {
  const job = await db<JobRow>('replication_jobs').where('id', jobId).first()
  if (job === undefined) throw new AppError('NOT_FOUND', `replication job ${jobId}`)
  const { recovery_point_pass_id: pass, recovery_point_at: at } = job
  const replica = await readReplica(db, job)
  if (replica.kind === 'none' || pass === null || at === null) return { kind: 'none' }
  switch (replica.kind) {
    case 'at-point':
      return { kind: 'applied', passId: passId(pass), at }
    case 'finishing':
      return { kind: 'pending', what: 'The newest recovery point is being applied to the volumes.' }
    case 'no-point':
      return { kind: 'unusable', why: replica.why }
  }
}
