import {
  type JobDetailView,
  type JobView,
  type PassDetailView,
  type PassDiskView,
  type PassView,
} from '../api/schemas.js'
import { jobState, newestPass } from '../domain/job-state.js'
import { passProgress, type SyncType } from '../domain/progress.js'
import { AppError } from '../errors.js'
import { failureView } from './failure-view.js'
import { statusView, type StatusOptions } from './status-view.js'
import { stepViews, type StepName } from './step-views.js'
import { firstFailure } from '../saga/history.js'
import { type SagaState } from '../saga/log.js'
import { type Views } from '../http/deps.js'
import { storeCall, type Database } from './database.js'
import { isHeld } from './job-control.js'
import { type JobDiskRow, type JobRow, type PassRow } from './pass-store.js'
import { eventFromRow, failureFromRow, type EventRow } from './saga-log.js'
import { readReplica, replicaView, stagingView } from './replica-view.js'
import { lastVerification } from './verification-views.js'
import { managedVm, managedVmList, sourceVms } from './vm-lists.js'

interface PassDiskRow {
  readonly pass_id: string
  readonly disk_key: string
  readonly sync_type: SyncType | null
  readonly planned_bytes: string | null
  readonly read_bytes: string
  readonly written_bytes: string
  readonly zeroed_bytes: string
  readonly skipped_bytes: string
  readonly sent_again_bytes: string
  readonly retried_requests: number
  readonly rate_bytes_per_sec: string
  readonly seconds: number | null
  readonly fallbacks: string
  readonly change_id_before: string | null
  readonly change_id_after: string | null
}

interface BrokenTryRow {
  readonly owner: string
  readonly state: string
  readonly created_at: Date
  readonly ended_at: Date | null
  readonly failure_code: string | null
  readonly failure_message: string | null
}

export interface ViewOptions extends StatusOptions {
  /** The steps of a pass, in their order. */
  readonly passSteps: readonly StepName[]
}

export function views(db: Database, options: ViewOptions): Views {
  return {
    status: () => storeCall('reading the status', () => statusView(db, options)),
    sourceVms: query => storeCall('listing source VMs', () => sourceVms(db, query)),
    managedVms: query => storeCall('listing managed VMs', () => managedVmList(db, query)),
    managedVm: id => storeCall(`reading managed VM ${id}`, () => managedVm(db, id)),
    jobs: () =>
      storeCall('listing jobs', () =>
        atOneInstant(db, async tx => {
          const rows = await tx<JobRow>('replication_jobs').orderBy('created_at')
          return Promise.all(rows.map(row => jobView(tx, row)))
        }),
      ),
    job: id => storeCall(`reading job ${id}`, () => atOneInstant(db, tx => jobDetail(tx, id))),
    passes: jobId =>
      storeCall(`listing the passes of job ${jobId}`, () =>
        atOneInstant(db, async tx => {
          const rows = await tx<PassRow>('passes').where('job_id', jobId).orderBy('number', 'desc').limit(100)
          return Promise.all(rows.map(row => passView(tx, row)))
        }),
      ),
    pass: id =>
      storeCall(`reading pass ${id}`, () => atOneInstant(db, tx => passDetail(tx, options.passSteps, id))),
  }
}

/** A pass and its saga change together; read one after the other they would contradict each other. */
const atOneInstant = <T>(db: Database, read: (tx: Database) => Promise<T>): Promise<T> =>
  db.transaction(read, { isolationLevel: 'repeatable read' })

async function jobView(db: Database, row: JobRow): Promise<JobView> {
  const newest = await db<PassRow>('passes').where('job_id', row.id).orderBy('number', 'desc').limit(2)
  const [first, second] = await Promise.all(newest.map(pass => passView(db, pass)))
  const runs = first !== undefined && first.sagaState !== 'done'
  const replica = await readReplica(db, row)
  return {
    id: row.id,
    sourceVmId: row.source_vm_id,
    vmName: row.vm_name,
    state: jobState(
      newestPass(first === undefined ? undefined : { ...first, isHeld: first.held }),
      replica.kind,
      { isPaused: row.paused_at !== null, isStopped: row.stopped_at !== null },
    ),
    createdAt: row.created_at.toISOString(),
    recoveryPointAt: row.recovery_point_at?.toISOString() ?? null,
    replica: replicaView(replica),
    pausedAt: row.paused_at?.toISOString() ?? null,
    stoppedAt: row.stopped_at?.toISOString() ?? null,
    currentPass: runs ? first : null,
    lastPass: (runs ? second : first) ?? null,
  }
}

async function jobDetail(db: Database, id: string): Promise<JobDetailView> {
  const row = await db<JobRow>('replication_jobs').where('id', id).first()
  if (row === undefined) throw new AppError('NOT_FOUND', `replication job ${id}`)
  const disks = await db<JobDiskRow>('job_disks').where('job_id', id).orderByRaw('LENGTH(disk_key), disk_key')
  return {
    ...(await jobView(db, row)),
    quiesce: row.quiesce,
    stagingPolicy: row.staging_policy,
    lastVerification: await lastVerification(db, id),
    disks: disks.map(disk => ({
      diskKey: disk.disk_key,
      label: disk.label,
      capacityBytes: disk.capacity_bytes,
      volumeId: disk.volume_id,
      changeId: disk.change_id,
    })),
  }
}

async function passView(db: Database, row: PassRow): Promise<PassView> {
  return (await read(db, row)).view
}

async function passDetail(db: Database, steps: readonly StepName[], id: string): Promise<PassDetailView> {
  const row = await db<PassRow>('passes').where('id', id).first()
  if (row === undefined) throw new AppError('NOT_FOUND', `pass ${id}`)
  const { view, disks, events } = await read(db, row)
  const known = await db<JobDiskRow>('job_disks').where('job_id', row.job_id)
  const notes = await db<{ pass_id: string; kind: string; note: string }>('pass_notes')
    .where('pass_id', id)
    .orderBy('kind')
  const tries = await db<BrokenTryRow>('worker_tasks')
    .where({ owner: `${row.saga_id}/copy`, state: 'failed' })
    .orderBy('created_at')
  return {
    ...view,
    mode: row.mode,
    consistency: row.consistency,
    staging: stagingView(row),
    notes: notes.map(({ note }) => note),
    brokenCopies: tries.map(task => ({
      endedAt: (task.ended_at ?? task.created_at).toISOString(),
      failure: failureView(failureFromRow(task)),
    })),
    disks: disks.map(disk => diskView(disk, known)),
    steps: stepViews(steps, events),
  }
}

async function read(db: Database, row: PassRow) {
  const disks = await db<PassDiskRow>('pass_disks')
    .where('pass_id', row.id)
    .orderByRaw('LENGTH(disk_key), disk_key')
  const saga = await db<{ id: string; state: SagaState; epoch: number }>('sagas')
    .where('id', row.saga_id)
    .first()
  if (saga === undefined) throw new Error(`pass ${row.id} has no saga`)
  const events = (await db<EventRow>('saga_events').where('saga_id', row.saga_id).orderBy('seq')).map(
    eventFromRow,
  )
  const progress = passProgress(
    disks.map(disk => ({
      syncType: disk.sync_type ?? undefined,
      plannedBytes: disk.planned_bytes === null ? undefined : BigInt(disk.planned_bytes),
      readBytes: BigInt(disk.read_bytes),
      rateBytesPerSec: BigInt(disk.rate_bytes_per_sec),
    })),
  )
  const running = row.state === 'copying' && saga.state === 'running'
  const held = running && (await isHeld(db, row.saga_id))
  const failure = row.failure_code === null ? firstFailure(events) : failureFromRow(row)
  const view: PassView = {
    id: row.id,
    jobId: row.job_id,
    number: row.number,
    state: row.state,
    sagaState: saga.state,
    syncType: progress.syncType ?? null,
    startedAt: row.started_at.toISOString(),
    endedAt: row.ended_at?.toISOString() ?? null,
    plannedBytes: progress.plannedBytes?.toString() ?? null,
    movedBytes: progress.movedBytes.toString(),
    rateBytesPerSec: running ? (held ? 0n : progress.rateBytesPerSec).toString() : null,
    etaSeconds: running && !held ? (progress.etaSeconds ?? null) : null,
    held,
    failure: failure === undefined ? null : failureView(failure),
    // The first claim begins the pass; each later one took it up again.
    resumedCount: Math.max(0, saga.epoch - 1),
  }
  return { view, disks, events }
}

function diskView(disk: PassDiskRow, known: readonly JobDiskRow[]): PassDiskView {
  const shape = known.find(one => one.disk_key === disk.disk_key)
  return {
    diskKey: disk.disk_key,
    label: shape?.label ?? '',
    capacityBytes: shape?.capacity_bytes ?? '0',
    volumeId: shape?.volume_id ?? null,
    syncType: disk.sync_type,
    plannedBytes: disk.planned_bytes,
    readBytes: disk.read_bytes,
    writtenBytes: disk.written_bytes,
    zeroedBytes: disk.zeroed_bytes,
    skippedBytes: disk.skipped_bytes,
    sentAgainBytes: disk.sent_again_bytes,
    retriedRequests: disk.retried_requests,
    seconds: disk.seconds,
    changeIdBefore: disk.change_id_before,
    changeIdAfter: disk.change_id_after,
    fallbacks: JSON.parse(disk.fallbacks) as string[],
  }
}
