import { volumeId } from '../domain/ids.js'
import { AppError } from '../errors.js'
import { type VolumeOperationView } from '../api/volumes.js'
import { type OperationViews } from '../http/volume-deps.js'
import { type LooksDeps } from '../volume-controller/looks.js'
import { storeCall, type Database } from './database.js'
import { type JobDiskRow } from './pass-store.js'
import { failureFromRow } from './saga-log.js'
import { failureView } from './failure-view.js'
import { requestOf, type OperationRow, type VolumeRow } from './volume-operation-rows.js'

interface CountRow {
  readonly kind: OperationRow['kind']
  readonly state: OperationRow['state']
  readonly count: number | string
  readonly mean_seconds: number | string | null
}

export function operationViews(db: Database): OperationViews {
  return {
    operations: ({ limit, kind, state, volumeId: volume }) =>
      storeCall('listing volume operations', async () => {
        const query = db<OperationRow>('volume_operations').orderBy('number', 'desc').limit(limit)
        if (kind !== undefined) void query.where({ kind })
        if (state !== undefined) void query.where({ state })
        if (volume !== undefined) void query.where({ volume_id: volume })
        return (await query).map(viewOf)
      }),
    operation: id =>
      storeCall(`reading volume operation ${id}`, async () => {
        const row = await db<OperationRow>('volume_operations').where({ id }).first()
        if (row === undefined) throw new AppError('NOT_FOUND', `volume operation ${id}`)
        return viewOf(row)
      }),
    metrics: () =>
      storeCall('counting volume operations', async () => {
        const seconds = 'TIMESTAMPDIFF(MICROSECOND, started_at, ended_at) / 1000000'
        const rows = await db('volume_operations')
          .groupBy('kind', 'state')
          .orderBy(['kind', 'state'])
          .select<CountRow[]>(
            'kind',
            'state',
            db.raw('COUNT(*) AS count'),
            db.raw(`AVG(${seconds}) AS mean_seconds`),
          )
        const drifted = await db('volume_operations').whereNotNull('drift').select('id')
        return {
          operations: rows.map(row => ({
            kind: row.kind,
            state: row.state,
            count: Number(row.count),
            meanSeconds: row.mean_seconds === null ? null : Number(row.mean_seconds),
          })),
          drifted: drifted.length,
        }
      }),
  }
}

function viewOf(row: OperationRow): VolumeOperationView {
  const request = requestOf(row)
  const outcome =
    row.outcome === null ? {} : (JSON.parse(row.outcome) as { readonly devicePath?: string | null })
  return {
    id: row.id,
    number: row.number,
    idempotencyKey: row.idempotency_key,
    kind: row.kind,
    state: row.state,
    volumeId: row.volume_id,
    vmId: 'vmId' in request ? request.vmId : null,
    devicePath: outcome.devicePath ?? null,
    drift: row.drift,
    failure: row.failure_code === null ? null : failureView(failureFromRow(row)),
    requestedAt: row.requested_at.toISOString(),
    startedAt: row.started_at?.toISOString() ?? null,
    endedAt: row.ended_at?.toISOString() ?? null,
  }
}

export function recordedVolumes(db: Database): LooksDeps['recorded'] {
  const recorded = (row: VolumeRow) => ({ id: volumeId(row.id), name: row.name, vmId: row.vm_id })
  return {
    volume: id =>
      storeCall(`reading volume ${id}`, async () => {
        const row = await db<VolumeRow>('volumes').where({ id }).first()
        return row === undefined ? undefined : recorded(row)
      }),
    jobOf: id =>
      storeCall(`looking for the job of volume ${id}`, async () => {
        const row = await db<JobDiskRow>('job_disks').where({ volume_id: id }).first()
        return row?.job_id
      }),
  }
}
