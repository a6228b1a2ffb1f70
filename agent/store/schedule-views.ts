import { type GroupDetailView, type GroupView, type MemberView, type RpoFindingView } from '../api/groups.js'
import { type ScheduleView } from '../api/schedules.js'
import { AppError } from '../errors.js'
import { type ScheduleViews } from '../http/schedule-deps.js'
import { readCron } from '../schedule/cron.js'
import { type TurnReport } from '../schedule/scheduler.js'
import { storeCall, type Database } from './database.js'
import { failureView } from './failure-view.js'
import { queueView, readRound, readRounds } from './round-views.js'
import { type RpoFindingRow } from './rpo.js'
import { blackoutsOf, type GroupRow, type MemberRow, type ScheduleRow } from './schedule-rows.js'

export interface ScheduleViewOptions {
  readonly now: () => Date
  /** Of the scheduler in this process. */
  readonly report: () => TurnReport
}

type NamedSchedule = ScheduleRow & { readonly group_name: string }
type CountedGroup = GroupRow & { readonly members: string }

/** Schedules, groups, rounds and the queue as operators see them. */
export function scheduleViews(db: Database, options: ScheduleViewOptions): ScheduleViews {
  const { now } = options
  const schedules = () =>
    db('schedules as s')
      .join('replication_groups as g', 'g.id', 's.group_id')
      .select('s.*', { group_name: 'g.name' })
      .orderBy('s.name')
  return {
    schedules: () =>
      storeCall('listing schedules', async () => {
        const rows = (await schedules()) as NamedSchedule[]
        return rows.map(row => scheduleView(row, now()))
      }),
    schedule: id =>
      storeCall(`reading schedule ${id}`, async () => {
        const [row] = (await schedules().where('s.id', id)) as NamedSchedule[]
        if (row === undefined) throw new AppError('NOT_FOUND', `schedule ${id}`)
        return scheduleView(row, now())
      }),
    groups: () =>
      storeCall('listing groups', async () =>
        (await counted(db).orderBy('g.name')).map(row => groupView(row)),
      ),
    group: id => storeCall(`reading group ${id}`, () => readGroup(db, id)),
    rounds: query => storeCall('listing rounds', () => readRounds(db, query)),
    round: id => storeCall(`reading round ${id}`, () => readRound(db, id)),
    queue: () => storeCall('reading the queue', () => queueView(db)),
    rpoFindings: () =>
      storeCall('listing RPO findings', async () => {
        const rows = await db<RpoFindingRow>('rpo_findings').orderBy('since', 'desc').limit(500)
        return rows.map(findingView)
      }),
    scheduler: () => storeCall('reading the scheduler', () => schedulerView(db, options)),
  }
}

async function schedulerView(db: Database, { now, report }: ScheduleViewOptions) {
  const next = await db('schedules')
    .where('enabled', true)
    .min({ at: 'next_fire_at' })
    .first<{ at: Date | null } | undefined>()
  const counts = await db('round_entries')
    .whereIn('state', ['queued', 'running'])
    .groupBy('state')
    .select<{ state: string; count: string }[]>('state', db.raw('COUNT(*) AS count'))
  const count = (state: string): number => Number(counts.find(one => one.state === state)?.count ?? 0)
  const { lastTurnAt, lastFailure } = report()
  return {
    now: now().toISOString(),
    lastTurnAt: lastTurnAt?.toISOString() ?? null,
    lastFailure:
      lastFailure === null
        ? null
        : { at: lastFailure.at.toISOString(), failure: failureView(lastFailure.failure) },
    nextFireAt: next?.at?.toISOString() ?? null,
    queued: count('queued'),
    running: count('running'),
  }
}

function scheduleView(row: NamedSchedule, now: Date): ScheduleView {
  const read = readCron(row.cron, row.time_zone)
  const isEnabled = row.enabled === 1
  return {
    id: row.id,
    name: row.name,
    groupId: row.group_id,
    groupName: row.group_name,
    cron: row.cron,
    timeZone: row.time_zone,
    enabled: isEnabled,
    misfire: row.misfire,
    graceSeconds: row.grace_seconds,
    whenRunning: row.when_running,
    maxConcurrent: row.max_concurrent,
    nextFireAt: row.next_fire_at?.toISOString() ?? null,
    upcoming:
      isEnabled && read.kind === 'valid' ? read.calendar.preview(now, 5).map(at => at.toISOString()) : [],
    problem: read.kind === 'invalid' ? `${read.field}: ${read.why}` : null,
    createdAt: row.created_at.toISOString(),
  }
}

const counted = (db: Database) =>
  db('replication_groups as g').select<CountedGroup[]>(
    'g.*',
    db.raw('(SELECT COUNT(*) FROM group_members m WHERE m.group_id = g.id) AS members'),
  )

const groupView = (row: CountedGroup): GroupView => ({
  id: row.id,
  name: row.name,
  priority: row.priority,
  maxConcurrent: row.max_concurrent,
  poweredOff: row.powered_off,
  maxRetries: row.max_retries,
  rpoSeconds: row.rpo_seconds,
  timeZone: row.time_zone,
  blackouts: blackoutsOf(row).map(({ days, from, to }) => ({ days: [...days], from, to })),
  memberCount: Number(row.members),
  createdAt: row.created_at.toISOString(),
})

type NamedMember = MemberRow & { readonly vm_name: string; readonly recovery_point_at: Date | null }

async function readGroup(db: Database, id: string): Promise<GroupDetailView> {
  const [group] = await counted(db).where('g.id', id)
  if (group === undefined) throw new AppError('NOT_FOUND', `group ${id}`)
  const members = await db('group_members as m')
    .join('replication_jobs as j', 'j.id', 'm.job_id')
    .where('m.group_id', id)
    .orderBy('j.vm_name')
    .select<NamedMember[]>('m.*', 'j.vm_name', 'j.recovery_point_at')
  const findings = await db<RpoFindingRow>('rpo_findings').where('group_id', id).whereNull('ended_at')
  return { ...groupView(group), members: members.map(member => memberView(group, member, findings)) }
}

function memberView(group: GroupRow, member: NamedMember, findings: readonly RpoFindingRow[]): MemberView {
  const finding = findings.find(one => one.job_id === member.job_id)
  const hasTarget = group.rpo_seconds !== null && member.enabled === 1
  return {
    jobId: member.job_id,
    vmName: member.vm_name,
    enabled: member.enabled === 1,
    priority: member.priority,
    addedAt: member.added_at.toISOString(),
    recoveryPointAt: member.recovery_point_at?.toISOString() ?? null,
    rpo: hasTarget
      ? {
          state: finding?.kind ?? 'kept',
          why: finding?.why ?? null,
          since: finding?.since.toISOString() ?? null,
        }
      : null,
  }
}

const findingView = (row: RpoFindingRow): RpoFindingView => ({
  id: row.id,
  groupId: row.group_id,
  groupName: row.group_name,
  jobId: row.job_id,
  vmName: row.vm_name,
  kind: row.kind,
  why: row.why,
  since: row.since.toISOString(),
  endedAt: row.ended_at?.toISOString() ?? null,
})
