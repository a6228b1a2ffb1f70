import { groupId, jobId, roundId, scheduleId } from '../domain/ids.js'
import { type Queue, type ScheduleRules, type Waiting } from '../schedule/queue.js'
import { type WaitReason } from '../schedule/reasons.js'
import { type Database } from './database.js'
import { factsOf } from './job-facts.js'
import {
  rulesOf,
  type EntryRow,
  type GroupRow,
  type MemberRow,
  type RoundRow,
  type ScheduleRow,
} from './schedule-rows.js'

type QueuedRow = EntryRow & Pick<RoundRow, 'triggered_by' | 'schedule_id' | 'group_id' | 'fired_at'>

/** Everybody who waits, with all that decides about it. A VM that left its group, or whose group is gone, is not enabled. */
export async function readQueue(db: Database, isWorkerThere: boolean): Promise<Queue | undefined> {
  const rows = await db('round_entries as e')
    .join('rounds as r', 'r.id', 'e.round_id')
    .where('e.state', 'queued')
    .select<QueuedRow[]>('e.*', 'r.triggered_by', 'r.schedule_id', 'r.group_id', 'r.fired_at')
  if (rows.length === 0) return undefined
  const groups = await byId<GroupRow>(db, 'replication_groups')
  const schedules = await byId<ScheduleRow>(db, 'schedules')
  const members = await db<MemberRow>('group_members').whereIn(
    'job_id',
    rows.map(row => row.job_id),
  )
  const memberships = new Map(members.map(row => [`${row.group_id} ${row.job_id}`, row]))
  const facts = await factsOf(
    db,
    rows.map(row => row.job_id),
  )
  const waiting = rows.map((row): Waiting => {
    const group = groups.get(row.group_id)
    const member = memberships.get(`${row.group_id} ${row.job_id}`)
    const schedule = row.schedule_id === null ? undefined : schedules.get(row.schedule_id)
    return {
      roundId: roundId(row.round_id),
      jobId: jobId(row.job_id),
      vmName: row.vm_name,
      trigger: row.triggered_by,
      firedAt: row.fired_at,
      priority: member?.priority ?? row.priority,
      notBefore: row.not_before,
      reason: (row.reason ?? 'new') as WaitReason,
      detail: row.detail,
      group: group === undefined ? { ...noRules, id: groupId(row.group_id) } : rulesOf(group),
      schedule: schedule === undefined ? null : scheduleRules(schedule),
      facts: facts(row.job_id, member?.enabled === 1),
    }
  })
  return { waiting, running: await readRunning(db), isWorkerThere }
}

/** Of a group that was deleted; nothing of it starts any more. */
const noRules = {
  priority: 0,
  maxConcurrent: 1,
  poweredOff: 'replicate',
  timeZone: 'UTC',
  blackouts: [],
} as const

const scheduleRules = (row: ScheduleRow): ScheduleRules => ({
  id: scheduleId(row.id),
  isEnabled: row.enabled === 1,
  maxConcurrent: row.max_concurrent,
  whenRunning: row.when_running,
})

async function readRunning(db: Database): Promise<Queue['running']> {
  const rows = await db('round_entries as e')
    .join('rounds as r', 'r.id', 'e.round_id')
    .where('e.state', 'running')
    .select<Pick<RoundRow, 'group_id' | 'schedule_id'>[]>('r.group_id', 'r.schedule_id')
  return rows.map(row => ({
    groupId: groupId(row.group_id),
    scheduleId: row.schedule_id === null ? null : scheduleId(row.schedule_id),
  }))
}

async function byId<Row extends { readonly id: string }>(
  db: Database,
  table: string,
): Promise<Map<string, Row>> {
  const rows = (await db(table).select('*')) as Row[]
  return new Map(rows.map(row => [row.id, row]))
}
