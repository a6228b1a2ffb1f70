import { jobId, passId, roundId, type PassId } from '../domain/ids.js'
import { AppError, type ErrorCode } from '../errors.js'
import { type EndedTry, type RoundStore, type Settlement } from '../schedule/deps.js'
import { type Decision, type Verdict } from '../schedule/queue.js'
import { storeCall, type Database } from './database.js'
import { startPass } from './job-admin.js'
import { readQueue } from './round-queue.js'
import { failureFromRow } from './saga-log.js'
import { entryOf, inTurn, type EntryRow } from './schedule-rows.js'

export interface RoundStoreOptions {
  readonly now: () => Date
  /** Whether a VMA would take work. */
  readonly isWorkerThere: (db: Database) => Promise<boolean>
}

/** The queue of all rounds, and what becomes of each VM. */
export function roundStore(db: Database, { now, isWorkerThere }: RoundStoreOptions): RoundStore {
  return {
    ended: () => storeCall('looking for scheduled passes that ended', () => readEnded(db)),
    settle: (ended, settlement) =>
      storeCall(`settling pass ${ended.passId}`, () =>
        inTurn(db, tx => settle(tx, now(), ended, settlement)),
      ),
    queue: () => storeCall('reading the queue', async () => readQueue(db, await isWorkerThere(db))),
    dispatch: decide =>
      storeCall('starting scheduled passes', () =>
        inTurn(db, async tx => {
          const queue = await readQueue(tx, await isWorkerThere(tx))
          if (queue === undefined) return []
          const started: PassId[] = []
          for (const decision of decide(queue)) {
            const pass = await carryOut(tx, now, decision)
            if (pass !== undefined) started.push(pass)
          }
          return started
        }),
      ),
    forget: before =>
      storeCall('forgetting old rounds', async () => {
        const open = db('round_entries').whereIn('state', ['queued', 'running']).select('round_id')
        return db('rounds').where('fired_at', '<', before).whereNotIn('id', open).limit(10_000).delete()
      }),
  }
}

type EndedRow = EntryRow & {
  readonly pass_state: 'committed' | 'failed' | null
  readonly pass_failure_code: string | null
  readonly pass_failure_message: string | null
  readonly saga_state: 'done' | 'needs-operator' | null
  readonly max_retries: number | null
}

/** The pass of a job that was deleted is gone with it. */
async function readEnded(db: Database): Promise<EndedTry[]> {
  const rows = await db('round_entries as e')
    .join('rounds as r', 'r.id', 'e.round_id')
    .leftJoin('replication_groups as g', 'g.id', 'r.group_id')
    .leftJoin('passes as p', 'p.id', 'e.pass_id')
    .leftJoin('sagas as s', 's.id', 'p.saga_id')
    .where('e.state', 'running')
    .whereRaw(`(p.id IS NULL OR s.state IN ('done', 'needs-operator'))`)
    .select<EndedRow[]>('e.*', 'g.max_retries', {
      pass_state: 'p.state',
      pass_failure_code: 'p.failure_code',
      pass_failure_message: 'p.failure_message',
      saga_state: 's.state',
    })
  return rows.map(row => ({
    roundId: roundId(row.round_id),
    jobId: jobId(row.job_id),
    passId: passId(row.pass_id ?? ''),
    tries: row.tries,
    maxRetries: row.max_retries,
    outcome: outcomeOf(row),
  }))
}

function outcomeOf(row: EndedRow): EndedTry['outcome'] {
  if (row.pass_state === null) return { kind: 'gone' }
  // What is left of a committed pass waits for an operator, and its recovery point counts all the same.
  if (row.pass_state === 'committed') return { kind: 'committed' }
  if (row.saga_state === 'needs-operator') return { kind: 'parked' }
  const failure = failureFromRow({
    failure_code: row.pass_failure_code,
    failure_message: row.pass_failure_message,
  })
  return { kind: 'failed', failure }
}

async function settle(tx: Database, at: Date, ended: EndedTry, settlement: Settlement): Promise<void> {
  const own = entryOf(tx, ended.roundId, ended.jobId).where({ state: 'running', pass_id: ended.passId })
  switch (settlement.kind) {
    case 'committed':
      await own.update({ state: 'committed', reason: null, detail: '', ended_at: at })
      return
    case 'job-gone':
      await own.update({ state: 'skipped', reason: 'job-gone', detail: '', ended_at: at })
      return
    case 'failed':
      await own.update({
        state: 'failed',
        reason: settlement.reason,
        detail: '',
        ended_at: at,
        failure_code: settlement.failure?.code ?? null,
        failure_message: settlement.failure?.message ?? null,
      })
      return
    case 'again': {
      const { code, message } = settlement.failure
      const failure = { failure_code: code, failure_message: message }
      const other = await tx<EntryRow>('round_entries').where('queued_job_id', ended.jobId).first()
      if (other !== undefined) {
        const detail = other.round_id
        await own.update({ ...failure, state: 'failed', reason: 'replaced', detail, ended_at: at })
        return
      }
      await own.update({
        ...failure,
        state: 'queued',
        queued_job_id: ended.jobId,
        reason: 'back-off',
        detail: `not before ${settlement.notBefore.toISOString()}`,
        not_before: settlement.notBefore,
      })
    }
  }
}

async function carryOut(tx: Database, now: () => Date, decision: Decision): Promise<PassId | undefined> {
  const { entry } = decision
  const own = entryOf(tx, entry.roundId, entry.jobId).where('state', 'queued')
  const verdict = decision.kind === 'start' ? await begin(tx, now, decision) : decision
  switch (verdict.kind) {
    case 'started':
      await own.update({
        state: 'running',
        queued_job_id: null,
        reason: null,
        detail: '',
        tries: tx.raw('tries + 1'),
        not_before: null,
        pass_id: verdict.pass,
        started_at: now(),
      })
      return verdict.pass
    case 'skip':
      await own.update({
        state: 'skipped',
        queued_job_id: null,
        reason: verdict.reason,
        detail: verdict.detail,
        ended_at: now(),
      })
      return undefined
    case 'wait':
      if (verdict.reason === entry.reason && verdict.detail === entry.detail) return undefined
      await own.update({ reason: verdict.reason, detail: verdict.detail })
      return undefined
  }
}

/** What may have happened to the job since the queue was read; the next look says it. */
const overtaken: ReadonlySet<ErrorCode> = new Set([
  'JOB_BUSY',
  'JOB_PAUSED',
  'JOB_STOPPED',
  'FAILOVER_COMMITTED',
  'NOT_FOUND',
])

type Begun = { readonly kind: 'started'; readonly pass: PassId } | Extract<Verdict, { readonly kind: 'wait' }>

async function begin(tx: Database, now: () => Date, { entry }: Decision): Promise<Begun> {
  try {
    const { passId: pass } = await startPass(tx, now, entry.jobId, 'snapshot', entry.roundId)
    return { kind: 'started', pass: passId(pass) }
  } catch (error) {
    if (!(error instanceof AppError) || !overtaken.has(error.code)) throw error
    return { kind: 'wait', reason: entry.reason, detail: entry.detail }
  }
}
