import { randomUUID } from 'node:crypto'
import { taskId } from '../domain/ids.js'
import { type Failure } from '../errors.js'
import { type Json } from '../domain/json.js'
import { type BrokenTask, type TaskBoardStore, type TaskStanding } from '../replication/tasks/deps.js'
import { storeCall, type Database } from './database.js'
import { isPaused } from './job-control.js'
import { failureFromRow } from './saga-log.js'

interface TaskRow {
  readonly id: string
  readonly owner: string
  readonly kind: string
  readonly subject: string
  readonly input: string
  readonly state: 'queued' | 'leased' | 'done' | 'failed'
  readonly epoch: number
  readonly worker_id: string | null
  readonly created_at: Date
  readonly lease_until: Date | null
  readonly cancel_requested: number
  readonly progress: string | null
  readonly result: string | null
  readonly failure_code: string | null
  readonly failure_message: string | null
  readonly ended_at: Date | null
}

/** Work for a VMA, with leases. Every change of a leased task is conditional on the lease's epoch. */
export function taskBoardStore(db: Database, now: () => Date): TaskBoardStore {
  const until = (leaseMs: number): Date => new Date(now().getTime() + leaseMs)
  return {
    ensure: task =>
      storeCall(`queueing ${task.kind}`, () =>
        db.transaction(async tx => {
          await passGate(tx)
          const rows = await tx<TaskRow>('worker_tasks').where({ owner: task.owner }).forUpdate()
          const usable = rows.find(isUsable)
          if (usable !== undefined) return taskId(usable.id)
          const id = randomUUID()
          await tx('worker_tasks').insert({
            id,
            owner: task.owner,
            kind: task.kind,
            subject: task.subject,
            input: JSON.stringify(task.input),
            state: 'queued',
            epoch: 0,
            created_at: now(),
            cancel_requested: false,
          })
          return taskId(id)
        }),
      ),
    standing: id =>
      storeCall(`reading task ${id}`, async () => {
        const row = await db<TaskRow>('worker_tasks').where({ id }).first()
        if (row === undefined) throw new Error(`no task ${id}`)
        return standingFromRow(row)
      }),
    tries: owner =>
      storeCall(`reading the tasks of ${owner}`, async () => {
        const rows = await db<TaskRow>('worker_tasks').where({ owner }).orderBy('created_at')
        const broken = rows.filter(row => !isUsable(row)).map(brokenFromRow)
        return { broken, goesOn: rows.some(isUsable) }
      }),
    kindOf: id =>
      storeCall(`reading task ${id}`, async () => {
        const row = await db<TaskRow>('worker_tasks').where({ id }).first('kind')
        return row?.kind
      }),
    lease: (workerId, leaseMs) =>
      storeCall('leasing a task', () =>
        db.transaction(async tx => {
          await passGate(tx)
          const busy = tx('worker_tasks as b').where('b.state', 'leased').select('b.subject')
          const row = await tx<TaskRow>('worker_tasks')
            .where({ state: 'queued' })
            .whereNotIn('subject', busy)
            .orderBy('created_at')
            .forUpdate()
            .first()
          if (row === undefined) return undefined
          const epoch = row.epoch + 1
          await tx('worker_tasks')
            .where({ id: row.id })
            .update({ state: 'leased', epoch, worker_id: workerId, lease_until: until(leaseMs), held: false })
          const input = JSON.parse(row.input) as Json
          return { id: taskId(row.id), epoch, kind: row.kind, input, hold: await holdOf(tx, row) }
        }),
      ),
    heartbeat: (id, epoch, { progress, held }, leaseMs) =>
      storeCall(`heartbeat of task ${id}`, async () => {
        const changed = await db('worker_tasks')
          .where({ id, epoch, state: 'leased' })
          .update({ lease_until: until(leaseMs), progress: JSON.stringify(progress), held })
        if (changed !== 1) return 'lapsed'
        const row = await db<TaskRow>('worker_tasks').where({ id }).first()
        if (row === undefined) return 'lapsed'
        return { cancel: row.cancel_requested === 1, hold: await holdOf(db, row) }
      }),
    finish: (id, epoch, outcome) =>
      storeCall(`outcome of task ${id}`, async () => {
        const columns =
          outcome.kind === 'done'
            ? { state: 'done', result: JSON.stringify(outcome.result) }
            : {
                state: 'failed',
                failure_code: outcome.failure.code,
                failure_message: outcome.failure.message,
                ended_at: now(),
              }
        const changed = await db('worker_tasks').where({ id, epoch, state: 'leased' }).update(columns)
        return changed === 1
      }),
    cancel: id =>
      storeCall(`cancelling task ${id}`, async () => {
        const failure = { code: 'PASS_CANCELLED', message: 'cancelled before a VMA took it' } as const
        const cancelled = failureColumns(failure, now())
        await db('worker_tasks').where({ id, state: 'queued' }).update(cancelled)
        await db('worker_tasks').where({ id, state: 'leased' }).update({ cancel_requested: true })
      }),
    failLapsed: (failure, absentSince, absentFailure) =>
      storeCall('looking for lapsed leases', async () => {
        const lapsed = await db('worker_tasks')
          .where({ state: 'leased' })
          .where('lease_until', '<', now())
          .update(failureColumns(failure, now()))
        const absent = await db('worker_tasks')
          .where({ state: 'queued' })
          .where('created_at', '<', absentSince)
          .update(failureColumns(absentFailure, now()))
        return lapsed + absent
      }),
    extendLeases: leaseMs =>
      storeCall('extending leases after a start', async () => {
        await db('worker_tasks')
          .where({ state: 'leased' })
          .update({ lease_until: until(leaseMs) })
      }),
    forgetOwner: prefix =>
      storeCall(`dropping the tasks of ${prefix}`, async () => {
        await db('worker_tasks')
          .where('owner', 'like', `${prefix}/%`)
          .whereIn('state', ['done', 'failed'])
          .delete()
      }),
  }
}

/**
 * Queueing and leasing look at many tasks before they change one, so they go one at a time: two of them at once would lock
 * each other's gaps and end in a deadlock. The row is freed with the transaction.
 */
async function passGate(tx: Database): Promise<void> {
  const row = await tx('work_gate').where({ id: 1 }).forUpdate().first<{ id: number } | undefined>()
  if (row === undefined) throw new Error('the gate of the worker tasks is missing')
}

/** The owner of a task of a pass begins with the id of its saga. */
const holdOf = (db: Database, { owner }: TaskRow): Promise<boolean> =>
  isPaused(db, owner.split('/')[0] ?? owner)

const isUsable = (row: TaskRow): boolean => row.state !== 'failed' && row.cancel_requested === 0

const progressOf = (row: TaskRow): Json | undefined =>
  row.progress === null ? undefined : (JSON.parse(row.progress) as Json)

const brokenFromRow = (row: TaskRow): BrokenTask => ({
  failure:
    row.state === 'failed'
      ? failureFromRow(row)
      : { code: 'PASS_CANCELLED', message: 'cancelled while a VMA did it' },
  endedAt: row.ended_at ?? row.created_at,
  progress: progressOf(row),
})

const failureColumns = (failure: Failure, endedAt: Date) => ({
  ended_at: endedAt,
  state: 'failed',
  failure_code: failure.code,
  failure_message: failure.message,
})

function standingFromRow(row: TaskRow): TaskStanding {
  switch (row.state) {
    case 'queued':
      return { kind: 'queued' }
    case 'leased':
      return { kind: 'leased', progress: progressOf(row) }
    case 'done':
      return { kind: 'done', result: JSON.parse(row.result ?? 'null') as Json }
    case 'failed':
      return { kind: 'failed', failure: failureFromRow(row) }
  }
}
