import { randomUUID } from 'node:crypto'
import { type CreateJob, type PassMode } from '../api/schemas.js'
import { type RoundId } from '../domain/ids.js'
import { AppError } from '../errors.js'
import { type JobAdmin } from '../http/deps.js'
import { storeCall, type Database } from './database.js'
import { goBack } from './go-back.js'
import { deleteJob, holdBack } from './job-control.js'
import { insertPass } from './failover-passes.js'
import { mustBeIdle } from './job-idle.js'
import { manage } from './managed-vms.js'
import { type JobDiskRow, type JobRow, type PassRow } from './pass-store.js'

export function jobAdmin(db: Database, now: () => Date): JobAdmin {
  return {
    createJob: body => storeCall(`creating a job for VM ${body.sourceVmId}`, () => createJob(db, now, body)),
    jobOfVm: vm =>
      storeCall(`looking for the job of VM ${vm}`, async () => {
        const row = await db<JobRow>('replication_jobs').where('source_vm_id', vm).first()
        return row?.id
      }),
    startPass: (jobId, mode) =>
      storeCall(`starting a pass of job ${jobId}`, () => startPass(db, now, jobId, mode, null)),
    changeJob: (jobId, { quiesce, stagingPolicy }) =>
      storeCall(`changing job ${jobId}`, async () => {
        const found = await db<JobRow>('replication_jobs').where('id', jobId).first()
        if (found === undefined) throw new AppError('NOT_FOUND', `replication job ${jobId}`)
        await db('replication_jobs')
          .where('id', jobId)
          .update({
            ...(quiesce === undefined ? {} : { quiesce }),
            ...(stagingPolicy === undefined ? {} : { staging_policy: stagingPolicy }),
          })
      }),
    holdBack: (jobId, what, isOn) =>
      storeCall(`holding back job ${jobId}`, () => holdBack(db, now, jobId, what, isOn)),
    deleteJob: jobId => storeCall(`deleting job ${jobId}`, () => deleteJob(db, jobId)),
    goBack: jobId => storeCall(`going back to the recovery point of job ${jobId}`, () => goBack(db, jobId)),
    requestCancel: passId =>
      storeCall(`cancelling pass ${passId}`, async () => {
        const row = await db<PassRow>('passes').where('id', passId).first()
        if (row === undefined) throw new AppError('NOT_FOUND', `pass ${passId}`)
        await db('sagas').where({ id: row.saga_id, state: 'running' }).update({ cancel_requested: true })
        return { sagaId: row.saga_id }
      }),
  }
}

async function createJob(db: Database, now: () => Date, body: CreateJob): Promise<string> {
  const volumes = body.volumes ?? []
  if (new Set(volumes.map(one => one.volumeId)).size !== volumes.length) {
    throw new AppError('REQUEST_INVALID', 'volumes: one volume is named for two disks')
  }
  return db.transaction(async tx => {
    const vm = await tx<{ id: string; name: string }>('source_vms').where('id', body.sourceVmId).first()
    if (vm === undefined) throw new AppError('SOURCE_VM_UNKNOWN', `VM ${body.sourceVmId}`)
    const existing = await tx<JobRow>('replication_jobs').where('source_vm_id', vm.id).forUpdate().first()
    if (existing !== undefined) throw new AppError('JOB_EXISTS', `VM ${vm.name} has a replication job`)
    await manage(tx, vm.id, now())
    const id = randomUUID()
    await tx('replication_jobs').insert({
      id,
      source_vm_id: vm.id,
      vm_name: vm.name,
      created_at: now(),
      quiesce: body.quiesce ?? 'preferred',
      staging_policy: body.stagingPolicy ?? 'wait',
    })
    for (const { diskKey, volumeId } of volumes) {
      const taken = await tx<JobDiskRow>('job_disks').where('volume_id', volumeId).first()
      if (taken !== undefined) throw new AppError('VOLUME_BUSY', `volume ${volumeId} belongs to another job`)
      // The disk itself is filled in when the first pass has looked at the VM.
      const disk = { label: '', capacity_bytes: 0, backing_uuid: '', change_id: null }
      await tx('job_disks').insert({
        ...disk,
        job_id: id,
        disk_key: diskKey,
        volume_id: volumeId,
        volume_is_ours: false,
      })
    }
    return id
  })
}

/** Within a transaction of the caller, if `db` is one. `round`: null for a pass that somebody asked for by itself. */
export async function startPass(
  db: Database,
  now: () => Date,
  jobId: string,
  mode: PassMode,
  round: RoundId | null,
) {
  return db.transaction(async tx => {
    const job = await tx<JobRow>('replication_jobs').where('id', jobId).forUpdate().first()
    if (job === undefined) throw new AppError('NOT_FOUND', `replication job ${jobId}`)
    if (job.stopped_at !== null) throw new AppError('JOB_STOPPED', `replication job ${jobId}`)
    if (job.paused_at !== null) throw new AppError('JOB_PAUSED', `replication job ${jobId}`)
    await mustBeIdle(tx, jobId)
    const newest = await tx<PassRow>('passes').where('job_id', jobId).orderBy('number', 'desc').first()
    return insertPass(tx, now(), { jobId, number: (newest?.number ?? 0) + 1, mode, round })
  })
}
