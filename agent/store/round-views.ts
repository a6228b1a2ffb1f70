import {
  type EntryView,
  type ReasonView,
  type RoundDetailView,
  type RoundList,
  type RoundQuery,
  type RoundView,
} from '../api/rounds.js'
import { AppError } from '../errors.js'
import { queueOrder } from '../schedule/queue.js'
import { reasonText } from '../schedule/reasons.js'
import { type Database } from './database.js'
import { failureView } from './failure-view.js'
import { readQueue } from './round-queue.js'
import { failureFromRow } from './saga-log.js'
import { type EntryRow, type RoundRow } from './schedule-rows.js'

interface CountRow {
  readonly round_id: string
  readonly state: EntryRow['state']
  readonly count: string
}

/** Newest first. Two rounds may fire at one instant, so a page ends with an id. */
export async function readRounds(db: Database, query: RoundQuery): Promise<RoundList> {
  const { limit, before, scheduleId, groupId, jobId } = query
  const listed = db<RoundRow>('rounds').orderBy([
    { column: 'fired_at', order: 'desc' },
    { column: 'id', order: 'desc' },
  ])
  if (scheduleId !== undefined) void listed.where('schedule_id', scheduleId)
  if (groupId !== undefined) void listed.where('group_id', groupId)
  if (jobId !== undefined)
    void listed.whereIn('id', db<EntryRow>('round_entries').where('job_id', jobId).select('round_id'))
  if (before !== undefined) {
    const [at = '', id = ''] = before.split('_')
    const firedAt = new Date(at)
    if (Number.isNaN(firedAt.getTime())) throw new AppError('REQUEST_INVALID', `before: ${at} is no time`)
    void listed.whereRaw('(fired_at < ? OR (fired_at = ? AND id < ?))', [firedAt, firedAt, id])
  }
  const rows: RoundRow[] = await listed.limit(limit + 1)
  const page = rows.slice(0, limit)
  const last = page.at(-1)
  const next = rows.length > limit && last !== undefined ? `${last.fired_at.toISOString()}_${last.id}` : null
  const counts = await countsOf(db, page)
  return { items: page.map(row => roundView(row, counts)), next }
}

export async function readRound(db: Database, id: string): Promise<RoundDetailView> {
  const row = await db<RoundRow>('rounds').where({ id }).first()
  if (row === undefined) throw new AppError('NOT_FOUND', `round ${id}`)
  const entries = await db<EntryRow>('round_entries').where('round_id', id).orderBy('vm_name')
  const positions = await positionsOf(db)
  return {
    ...roundView(row, await countsOf(db, [row])),
    entries: entries.map(entry => entryView(entry, positions)),
  }
}

/** Everybody who waits, in the order in which they start. */
export async function queueView(db: Database): Promise<EntryView[]> {
  const rows = await db<EntryRow>('round_entries').where('state', 'queued')
  const positions = await positionsOf(db)
  return rows
    .map(row => entryView(row, positions))
    .sort((a, b) => (a.position ?? Infinity) - (b.position ?? Infinity))
}

/** By round and job, from 1 on. */
async function positionsOf(db: Database): Promise<ReadonlyMap<string, number>> {
  // The order is the same whether a VMA is there or not.
  const queue = await readQueue(db, true)
  const sorted = [...(queue?.waiting ?? [])].sort(queueOrder)
  return new Map(sorted.map((entry, index) => [`${entry.roundId} ${entry.jobId}`, index + 1]))
}

const countsOf = (db: Database, rounds: readonly RoundRow[]): Promise<CountRow[]> =>
  db('round_entries')
    .whereIn(
      'round_id',
      rounds.map(row => row.id),
    )
    .groupBy('round_id', 'state')
    .select<CountRow[]>('round_id', 'state', db.raw('COUNT(*) AS count'))

function roundView(row: RoundRow, counts: readonly CountRow[]): RoundView {
  const count = (state: EntryRow['state']): number =>
    Number(counts.find(one => one.round_id === row.id && one.state === state)?.count ?? 0)
  return {
    id: row.id,
    kind: row.kind,
    trigger: row.triggered_by,
    scheduleId: row.schedule_id,
    scheduleName: row.schedule_name,
    groupId: row.group_id,
    groupName: row.group_name,
    slotAt: row.slot_at?.toISOString() ?? null,
    late: row.is_late === 1,
    firedAt: row.fired_at.toISOString(),
    missed:
      row.missed_from === null || row.missed_until === null
        ? null
        : {
            from: row.missed_from.toISOString(),
            until: row.missed_until.toISOString(),
            slots: row.missed_count,
            reason: reasonView(row.reason ?? '', ''),
          },
    counts: {
      queued: count('queued'),
      running: count('running'),
      committed: count('committed'),
      failed: count('failed'),
      skipped: count('skipped'),
    },
  }
}

function entryView(row: EntryRow, positions: ReadonlyMap<string, number>): EntryView {
  return {
    roundId: row.round_id,
    jobId: row.job_id,
    vmName: row.vm_name,
    state: row.state,
    position: positions.get(`${row.round_id} ${row.job_id}`) ?? null,
    reason: row.reason === null ? null : reasonView(row.reason, row.detail),
    tries: row.tries,
    notBefore: row.not_before?.toISOString() ?? null,
    passId: row.pass_id,
    failure: row.failure_code === null ? null : failureView(failureFromRow(row)),
    startedAt: row.started_at?.toISOString() ?? null,
    endedAt: row.ended_at?.toISOString() ?? null,
  }
}

/** A code this version does not know (written by a later one) is its own text. */
function reasonView(code: string, detail: string): ReasonView {
  const text = Object.hasOwn(reasonText, code) ? reasonText[code as keyof typeof reasonText] : code
  return { code, text: detail === '' ? text : `${text}: ${detail}` }
}
