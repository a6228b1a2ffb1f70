import { randomUUID } from 'node:crypto'
import { passId, type FailoverId, type PassId, type RoundId } from '../domain/ids.js'
import { isCommitted } from '../domain/pass-state.js'
import { type PassEnd } from '../failover/deps.js'
import { firstFailure, stepStatuses } from '../saga/history.js'
import { type SagaState } from '../saga/log.js'
import { type Database } from './database.js'
import { failoverRow } from './failover-rows.js'
import { type JobRow, type PassRow } from './pass-store.js'
import { eventFromRow, failureFromRow, type EventRow } from './saga-log.js'
import { unfinished } from './volume-operation-rows.js'

interface SagaRow {
  readonly id: string
  readonly state: SagaState
}

const columnOf = { last: 'last_pass_id', final: 'final_pass_id' } as const

const eventsOf = async (db: Database, sagaId: string) =>
  (await db<EventRow>('saga_events').where('saga_id', sagaId).orderBy('seq')).map(eventFromRow)

/** What was begun before the failover was recorded and still has the replicas. */
export async function otherWork(db: Database, id: FailoverId): Promise<string | null> {
  const { job_id: job, kind } = await failoverRow(db, id)
  const passes = await db('passes as p')
    .join('sagas as s', 's.id', 'p.saga_id')
    .where('p.job_id', job)
    .whereNot('s.state', 'done')
    .select<{ number: number; saga_id: string; saga_state: SagaState }[]>(
      'p.number',
      'p.saga_id',
      's.state as saga_state',
    )
  for (const pass of passes)
    if (kind !== 'unplanned' || !(await hasLetGo(db, pass.saga_id)))
      return `pass ${pass.number} is ${pass.saga_state}`
  const verification = await db<SagaRow>('sagas')
    .whereIn('id', db('verifications').where('job_id', job).select('saga_id'))
    .whereNot('state', 'done')
    .first()
  if (verification !== undefined) return `a verification is ${verification.state}`
  const restore = await db<SagaRow>('sagas')
    .whereIn('id', db('restores').where('job_id', job).select('saga_id'))
    .whereNot('state', 'done')
    .first()
  if (restore !== undefined) return `a restore is ${restore.state}`
  const operation = await db('volume_operations')
    .whereIn('volume_id', db('job_disks').where('job_id', job).whereNotNull('volume_id').select('volume_id'))
    .whereIn('state', [...unfinished])
    .first<{ id: string; state: string } | undefined>('id', 'state')
  return operation === undefined ? null : `volume operation ${operation.id} is ${operation.state}`
}

/** It is being undone, and nobody can write through its exports; what is left to undo is at the source. */
async function hasLetGo(db: Database, sagaId: string): Promise<boolean> {
  const events = await eventsOf(db, sagaId)
  const opened = stepStatuses(events).get('open-exports')?.kind ?? 'waiting'
  if (firstFailure(events) !== undefined) return opened === 'waiting' || opened === 'undone'
  return stepStatuses(events).get('drop-staging')?.kind === 'succeeded'
}

export async function endPasses(
  db: Database,
  id: FailoverId,
): Promise<readonly { readonly sagaId: string }[]> {
  const { job_id: job } = await failoverRow(db, id)
  const running = await db<SagaRow>('sagas')
    .whereIn('id', db('passes').where('job_id', job).select('saga_id'))
    .where('state', 'running')
    .select('id')
  const ids = running.map(saga => saga.id)
  await db('sagas').whereIn('id', ids).where('state', 'running').update({ cancel_requested: true })
  return ids.map(sagaId => ({ sagaId }))
}

export async function passOf(
  db: Database,
  id: FailoverId,
  which: keyof typeof columnOf,
): Promise<PassId | undefined> {
  const known = (await failoverRow(db, id))[columnOf[which]]
  return known === null ? undefined : passId(known)
}

/** The failover holds the job, so no other pass can begin beside it. */
export const startOwnPass = (
  db: Database,
  now: () => Date,
  id: FailoverId,
  which: keyof typeof columnOf,
): Promise<PassId> =>
  db.transaction(async tx => {
    const row = await failoverRow(tx, id)
    await tx<JobRow>('replication_jobs').where('id', row.job_id).forUpdate().first()
    const known = await passOf(tx, id, which)
    if (known !== undefined) return known
    const newest = await tx<PassRow>('passes').where('job_id', row.job_id).orderBy('number', 'desc').first()
    const mode = which === 'final' ? 'final' : 'snapshot'
    const made = await insertPass(tx, now(), {
      jobId: row.job_id,
      number: (newest?.number ?? 0) + 1,
      mode,
      round: null,
    })
    await tx('failovers')
      .where({ id })
      .update({ [columnOf[which]]: made.passId })
    return passId(made.passId)
  })

/** A pass and its saga; the saga runner takes it up. The caller holds the row of the job. */
export async function insertPass(
  tx: Database,
  at: Date,
  {
    jobId,
    number,
    mode,
    round,
  }: {
    readonly jobId: string
    readonly number: number
    readonly mode: PassRow['mode']
    readonly round: RoundId | null
  },
): Promise<{ readonly passId: string; readonly sagaId: string }> {
  const [pass, sagaId] = [randomUUID(), randomUUID()]
  await tx('sagas').insert({
    id: sagaId,
    kind: 'pass',
    input: JSON.stringify({ passId: pass, jobId, mode }),
    state: 'running',
    epoch: 0,
    next_seq: 0,
    cancel_requested: false,
    created_at: at,
  })
  await tx('passes').insert({
    id: pass,
    job_id: jobId,
    number,
    saga_id: sagaId,
    mode,
    state: 'intent',
    started_at: at,
    round_id: round,
  })
  return { passId: pass, sagaId }
}

export async function passEnd(db: Database, pass: PassId): Promise<PassEnd> {
  const row = await db<PassRow>('passes').where('id', pass).first()
  if (row === undefined) throw new Error(`no pass ${pass}`)
  const saga = await db<SagaRow>('sagas').where('id', row.saga_id).first()
  if (saga === undefined) throw new Error(`pass ${pass} has no saga`)
  // Read again: it may have been committed between the two.
  const state = (await db<PassRow>('passes').where('id', pass).first())?.state
  const counts = state !== undefined && isCommitted(state)
  if (saga.state === 'done')
    return counts ? { kind: 'committed' } : { kind: 'failed', failure: await failureOf(db, pass, row) }
  if (saga.state === 'needs-operator')
    return { kind: 'stuck', isCommitted: counts, failure: await failureOf(db, pass, row) }
  return { kind: 'running' }
}

async function failureOf(db: Database, pass: PassId, { saga_id: sagaId }: PassRow) {
  const row = await db<PassRow>('passes').where('id', pass).first()
  if (row !== undefined && row.failure_code !== null) return failureFromRow(row)
  const events = await eventsOf(db, sagaId)
  return (
    firstFailure(events) ?? { code: 'INTERNAL_BUG' as const, message: `pass ${pass} ended without a failure` }
  )
}

export async function cancelPass(db: Database, pass: PassId): Promise<{ readonly sagaId: string }> {
  const row = await db<PassRow>('passes').where('id', pass).first()
  if (row === undefined) throw new Error(`no pass ${pass}`)
  await db('sagas').where({ id: row.saga_id, state: 'running' }).update({ cancel_requested: true })
  return { sagaId: row.saga_id }
}
