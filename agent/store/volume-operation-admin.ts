import { randomUUID } from 'node:crypto'
import { type SnapshotId } from '../domain/ids.js'
import { AppError } from '../errors.js'
import { type OperationAdmin } from '../http/volume-deps.js'
import { sagaKindOf } from '../volume-controller/sagas.js'
import { type VolumeRequest } from '../volume-controller/operation.js'
import { storeCall, type Database } from './database.js'
import { mustBeIdle } from './job-idle.js'
import { type JobDiskRow } from './pass-store.js'
import { requestText, type OperationRow } from './volume-operation-rows.js'

/** Records what an operator asks for; the saga runner takes it up. */
export function operationAdmin(db: Database, now: () => Date): OperationAdmin {
  return {
    request: (idempotencyKey, request) =>
      storeCall(`recording a ${request.kind} of a volume`, () =>
        recordOrFind(db, now, idempotencyKey, request),
      ),
  }
}

/** One request at a time passes the gate: so older requests have lower numbers, and a key is recorded once. */
const recordOrFind = (db: Database, now: () => Date, key: string, request: VolumeRequest) =>
  db.transaction(async tx => {
    await tx('work_gate').where({ id: 1 }).forUpdate().first()
    const row = await tx<OperationRow>('volume_operations').where({ idempotency_key: key }).first()
    if (row === undefined) return recordOperation(tx, now(), key, request)
    if (row.request !== requestText(request))
      throw new AppError('IDEMPOTENCY_KEY_REUSED', `key ${key} asked for a ${row.kind}`)
    return { id: row.id }
  })

/** In the caller's transaction, which has passed the gate. */
export async function recordOperation(tx: Database, at: Date, key: string, request: VolumeRequest) {
  if (request.kind !== 'create') await refuseReplica(tx, request)
  if (request.kind === 'delete-snapshot') await refuseWayBack(tx, request.snapshotId)
  const [id, sagaId] = [randomUUID(), randomUUID()]
  await tx('sagas').insert({
    id: sagaId,
    kind: sagaKindOf(request.kind),
    input: JSON.stringify({ operationId: id }),
    state: 'running',
    epoch: 0,
    next_seq: 0,
    cancel_requested: false,
    created_at: at,
  })
  await tx('volume_operations').insert({
    id,
    idempotency_key: key,
    kind: request.kind,
    request: requestText(request),
    saga_id: sagaId,
    state: 'pending',
    volume_id: request.kind === 'create' ? null : request.volumeId,
    requested_at: at,
  })
  return { id }
}

/** What a set records is the only way back. */
async function refuseWayBack(tx: Database, snapshot: SnapshotId): Promise<void> {
  const row = await tx('volume_snapshots')
    .where({ snapshot_id: snapshot })
    .first<{ readonly set_id: string } | undefined>('set_id')
  if (row !== undefined)
    throw new AppError('VOLUME_IN_USE', `snapshot ${snapshot} belongs to set ${row.set_id}`)
}

/**
 * A replica may come and go here between passes. Another VM would write to it behind the back of the change IDs, and a
 * deleted one is lost. The row of the job is locked, as it is by the start of a pass: an operation that was recorded first is
 * waited for by the pass, one that comes later is refused.
 */
async function refuseReplica(
  tx: Database,
  request: Exclude<VolumeRequest, { kind: 'create' }>,
): Promise<void> {
  const disk = await tx<JobDiskRow>('job_disks').where({ volume_id: request.volumeId }).first()
  if (disk === undefined) return
  const isLocal =
    request.kind === 'revoke' ||
    request.kind === 'delete-snapshot' ||
    ((request.kind === 'attach' || request.kind === 'detach') && request.vmId === null)
  if (!isLocal)
    throw new AppError(
      'VOLUME_IN_USE',
      `${request.kind} of volume ${request.volumeId}, a replica of job ${disk.job_id}`,
    )
  await tx('replication_jobs').where({ id: disk.job_id }).forUpdate().first()
  await mustBeIdle(tx, disk.job_id)
}
