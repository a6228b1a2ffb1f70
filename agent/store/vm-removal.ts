import { createHash } from 'node:crypto'
import { type RemovalPlan, type RemovedVm, type RemoveVm } from '../api/vm-removal.js'
import { volumeId } from '../domain/ids.js'
import { AppError, errorTable } from '../errors.js'
import { type VmRemoval } from '../http/deps.js'
import { storeCall, type Database } from './database.js'
import { deleteJob, mustBeDeletable } from './job-control.js'
import { type JobDiskRow, type JobRow } from './pass-store.js'
import { recordOperation } from './volume-operation-admin.js'
import { unfinished, type OperationRow } from './volume-operation-rows.js'

/** A VM leaves management with all that is recorded of it, in one transaction, and only as it was shown before. */
export function vmRemoval(db: Database, now: () => Date): VmRemoval {
  return {
    plan: id => storeCall(`planning the removal of VM ${id}`, () => db.transaction(tx => planOf(tx, id))),
    remove: (id, wanted) =>
      storeCall(`removing VM ${id} from management`, () =>
        db.transaction(tx => removeVm(tx, now(), id, wanted)),
      ),
  }
}

async function planOf(tx: Database, id: string): Promise<RemovalPlan> {
  const vm = await tx('managed_vms')
    .where('source_vm_id', id)
    .first<{ readonly name: string } | undefined>('name')
  if (vm === undefined) throw new AppError('NOT_FOUND', `managed VM ${id}`)
  const job = await tx<JobRow>('replication_jobs').where('source_vm_id', id).first()
  const disks =
    job === undefined
      ? []
      : await tx<JobDiskRow>('job_disks')
          .where('job_id', job.id)
          .whereNotNull('volume_id')
          .orderBy('disk_key')
  const volumes = disks.map(disk => ({
    volumeId: disk.volume_id ?? '',
    label: disk.label,
    isOurs: disk.volume_is_ours === 1,
  }))
  const known = {
    sourceVmId: id,
    name: vm.name,
    job:
      job === undefined
        ? null
        : {
            id: job.id,
            passes: await countOf(tx, 'passes', job.id),
            verifications: await countOf(tx, 'verifications', job.id),
            recoveryPointAt: job.recovery_point_at?.toISOString() ?? null,
          },
    volumes,
  }
  const plan = createHash('sha256').update(JSON.stringify(known)).digest('hex')
  return { plan, ...known, blockers: await blockersOf(tx, job, volumes) }
}

async function countOf(tx: Database, table: 'passes' | 'verifications', jobId: string): Promise<number> {
  return (await tx(table).where('job_id', jobId).select('id')).length
}

async function blockersOf(
  tx: Database,
  job: JobRow | undefined,
  volumes: RemovalPlan['volumes'],
): Promise<RemovalPlan['blockers']> {
  try {
    if (job !== undefined) await mustBeDeletable(tx, job)
    for (const volume of volumes) await mustNotBeOperated(tx, volume.volumeId)
    return []
  } catch (error) {
    if (!(error instanceof AppError)) throw error
    const { code, message } = error
    return [{ code, message, next: errorTable[code].next }]
  }
}

/** What was asked for of a replica is done before nobody knows it any more. */
async function mustNotBeOperated(tx: Database, volume: string): Promise<void> {
  const open = await tx<OperationRow>('volume_operations')
    .where({ volume_id: volume })
    .whereIn('state', [...unfinished])
    .first()
  if (open !== undefined)
    throw new AppError('VOLUME_BUSY', `a ${open.kind} of volume ${volume} has not ended`)
}

async function removeVm(tx: Database, at: Date, id: string, wanted: RemoveVm): Promise<RemovedVm> {
  // In the order in which operations and passes lock: first the gate, then the job.
  await tx('work_gate').where({ id: 1 }).forUpdate().first()
  await tx('replication_jobs').where('source_vm_id', id).forUpdate().first()
  const { plan, job, volumes } = await planOf(tx, id)
  if (plan !== wanted.plan)
    throw new AppError('REMOVAL_PLAN_CHANGED', `VM ${id} is not as it was when its removal was planned`)
  for (const volume of volumes) await mustNotBeOperated(tx, volume.volumeId)
  if (job !== null) await deleteJob(tx, job.id)
  await tx('managed_vms').where('source_vm_id', id).delete()
  const going = volumes.filter(volume => wanted.volumes === 'delete' && volume.isOurs)
  const deletions: { volumeId: string; operationId: string }[] = []
  for (const volume of going) {
    const request = { kind: 'delete', volumeId: volumeId(volume.volumeId) } as const
    const { id: operationId } = await recordOperation(tx, at, `removal:${volume.volumeId}`, request)
    deletions.push({ volumeId: volume.volumeId, operationId })
  }
  return { deletions, kept: volumes.filter(volume => !going.includes(volume)) }
}
