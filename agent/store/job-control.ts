import { type LeftVolumes } from '../api/schemas.js'
import { passOfSnapshotName } from '../domain/names.js'
import { AppError } from '../errors.js'
import { type Database } from './database.js'
import { mustRunNothing } from './job-idle.js'
import { type JobDiskRow, type JobRow, type PassRow } from './pass-store.js'

const columnOf = { pause: 'paused_at', stop: 'stopped_at' } as const

/** Says again what is so already: the time of the first word stays. Rejects with NOT_FOUND. */
export async function holdBack(
  db: Database,
  now: () => Date,
  jobId: string,
  what: keyof typeof columnOf,
  isOn: boolean,
): Promise<void> {
  const column = columnOf[what]
  const since = isOn ? db.raw('COALESCE(??, ?)', [column, now()]) : null
  const found = await db('replication_jobs')
    .where('id', jobId)
    .update({ [column]: since })
  if (found === 0) throw new AppError('NOT_FOUND', `replication job ${jobId}`)
}

/** Whether nothing of the pass of this saga may move. */
export async function isPaused(db: Database, sagaId: string): Promise<boolean> {
  const row = await db('passes as p')
    .join('replication_jobs as j', 'j.id', 'p.job_id')
    .where('p.saga_id', sagaId)
    .first<{ paused_at: Date | null } | undefined>('j.paused_at')
  return (row?.paused_at ?? null) !== null
}

/** Whether the VMA that works on the copy of this saga has confirmed that it moves nothing. */
export async function isHeld(db: Database, sagaId: string): Promise<boolean> {
  const row = await db('worker_tasks')
    .where({ owner: `${sagaId}/copy`, state: 'leased', held: true })
    .first<{ id: string } | undefined>('id')
  return row !== undefined
}

/**
 * Forgets the job, its passes and their logs. Its volumes stay in CloudStack as they are, and are given back by id. Rejects
 * with NOT_FOUND, JOB_NOT_STOPPED, or JOB_BUSY while a pass has not ended or left a snapshot that only this job knows.
 */
export const deleteJob = (db: Database, jobId: string): Promise<LeftVolumes> =>
  db.transaction(async tx => {
    const job = await tx<JobRow>('replication_jobs').where('id', jobId).forUpdate().first()
    if (job === undefined) throw new AppError('NOT_FOUND', `replication job ${jobId}`)
    await mustBeDeletable(tx, job)
    const passes = await tx<PassRow>('passes').where('job_id', jobId).select('saga_id')
    const looks = await tx<{ job_id: string; saga_id: string }>('verifications')
      .where('job_id', jobId)
      .select('saga_id')
    const sagaIds = [...passes, ...looks].map(run => run.saga_id)
    const disks = await tx<JobDiskRow>('job_disks').where('job_id', jobId).whereNotNull('volume_id')
    for (const sagaId of sagaIds) await tx('worker_tasks').where('owner', 'like', `${sagaId}/%`).delete()
    await tx('replication_jobs').where('id', jobId).delete()
    await tx('sagas').whereIn('id', sagaIds).delete()
    return {
      volumes: disks.flatMap(disk =>
        disk.volume_id === null
          ? []
          : [{ diskKey: disk.disk_key, label: disk.label, volumeId: disk.volume_id }],
      ),
    }
  })

/** Rejects with JOB_NOT_STOPPED, or with JOB_BUSY while a pass has not ended or left a snapshot that only this job knows. */
export async function mustBeDeletable(tx: Database, job: JobRow): Promise<void> {
  if (job.stopped_at === null)
    throw new AppError('JOB_NOT_STOPPED', `replication job ${job.id} of VM ${job.vm_name}`)
  await mustRunNothing(tx, job.id)
  const passes = await tx<PassRow>('passes').where('job_id', job.id).select('id')
  await mustHaveNoSnapshot(tx, job, new Set(passes.map(pass => pass.id)))
}

/** The reaper removes only snapshots of passes it finds in the database. */
async function mustHaveNoSnapshot(tx: Database, job: JobRow, own: ReadonlySet<string>): Promise<void> {
  const vm = await tx('source_vms')
    .where('id', job.source_vm_id)
    .first<{ pass_snapshots: string } | undefined>('pass_snapshots')
  const left = (JSON.parse(vm?.pass_snapshots ?? '[]') as string[]).find(name =>
    own.has(passOfSnapshotName(name) ?? ''),
  )
  if (left !== undefined)
    throw new AppError('JOB_BUSY', `vCenter lists snapshot ${left} of job ${job.id}, which is removed first`)
}
