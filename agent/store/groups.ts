import { randomUUID } from 'node:crypto'
import { type ChangeGroup, type CreateGroup, type PutMember } from '../api/groups.js'
import { isTimeZone } from '../domain/load-limits.js'
import { AppError } from '../errors.js'
import { type GroupAdmin } from '../http/schedule-deps.js'
import { storeCall, type Database } from './database.js'
import { newRound } from './new-round.js'
import { inTurn, type EntryRow, type GroupRow, type ScheduleRow } from './schedule-rows.js'

const usual = {
  priority: 50,
  max_concurrent: 5,
  powered_off: 'replicate',
  max_retries: null,
  rpo_seconds: null,
  time_zone: 'UTC',
  blackouts: '[]',
} as const

/** What operators do with groups. */
export function groupAdmin(db: Database, now: () => Date): GroupAdmin {
  return {
    create: body =>
      storeCall(`creating group ${body.name}`, async () => {
        mustBeZone(body.timeZone)
        const id = randomUUID()
        const row = { id, ...usual, ...columnsOf(body), created_at: now() }
        await named(body.name, () => db('replication_groups').insert(row))
        return id
      }),
    change: (id, change) =>
      storeCall(`changing group ${id}`, async () => {
        mustBeZone(change.timeZone)
        await mustExist(db, id)
        const columns = columnsOf(change)
        if (Object.keys(columns).length > 0)
          await named(change.name ?? '', () => db('replication_groups').where({ id }).update(columns))
      }),
    remove: id =>
      storeCall(`deleting group ${id}`, () =>
        inTurn(db, async tx => {
          await mustExist(tx, id)
          const schedule = await tx<ScheduleRow>('schedules').where('group_id', id).first()
          if (schedule !== undefined)
            throw new AppError('GROUP_IN_USE', `group ${id}: schedule ${schedule.name}`)
          await tx('replication_groups').where({ id }).delete()
        }),
      ),
    putMember: (id, job, member) =>
      storeCall(`putting job ${job} into group ${id}`, async () => {
        await mustExist(db, id)
        const found = await db('replication_jobs').where('id', job).first<{ id: string } | undefined>('id')
        if (found === undefined) throw new AppError('NOT_FOUND', `replication job ${job}`)
        const columns = memberColumns(member)
        await db('group_members')
          .insert({ enabled: true, priority: 0, ...columns, group_id: id, job_id: job, added_at: now() })
          .onConflict(['group_id', 'job_id'])
          .merge(Object.keys(columns).length > 0 ? columns : ['job_id'])
      }),
    removeMember: (id, job) =>
      storeCall(`taking job ${job} out of group ${id}`, async () => {
        const removed = await db('group_members').where({ group_id: id, job_id: job }).delete()
        if (removed === 0) throw new AppError('NOT_FOUND', `job ${job} in group ${id}`)
      }),
    run: id =>
      storeCall(`running group ${id}`, () =>
        inTurn(db, async tx => {
          const asked = {
            trigger: 'operator',
            schedule: null,
            slotAt: null,
            isLate: false,
            jobs: null,
          } as const
          return newRound(tx, await mustExist(tx, id), { ...asked, firedAt: now() })
        }),
      ),
    withdraw: (round, job) =>
      storeCall(`taking job ${job} out of round ${round}`, () =>
        inTurn(db, async tx => {
          const own = { round_id: round, job_id: job }
          const entry = await tx<EntryRow>('round_entries').where(own).first()
          if (entry === undefined) throw new AppError('NOT_FOUND', `job ${job} in round ${round}`)
          if (entry.state === 'running')
            throw new AppError(
              'JOB_BUSY',
              `pass ${entry.pass_id ?? ''} of job ${job} runs; it can be cancelled`,
            )
          const out = {
            state: 'skipped',
            queued_job_id: null,
            reason: 'withdrawn',
            detail: '',
            ended_at: now(),
          }
          await tx('round_entries')
            .where({ ...own, state: 'queued' })
            .update(out)
        }),
      ),
  }
}

export async function mustExist(db: Database, id: string): Promise<GroupRow> {
  const row = await db<GroupRow>('replication_groups').where({ id }).first()
  if (row === undefined) throw new AppError('NOT_FOUND', `group ${id}`)
  return row
}

/** Rejects with NAME_TAKEN where the unique key of names says so. */
export async function named<T>(name: string, write: () => Promise<T>): Promise<T> {
  try {
    return await write()
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ER_DUP_ENTRY')) throw error
    throw new AppError('NAME_TAKEN', name, error)
  }
}

function mustBeZone(name: string | undefined): void {
  if (name !== undefined && !isTimeZone(name))
    throw new AppError('REQUEST_INVALID', `timeZone: no time zone is called ${name}`)
}

const memberColumns = (member: NonNullable<PutMember>) => given({ ...member })

const columnsOf = (group: ChangeGroup | CreateGroup) =>
  given({
    name: group.name,
    priority: group.priority,
    max_concurrent: group.maxConcurrent,
    powered_off: group.poweredOff,
    max_retries: group.maxRetries,
    rpo_seconds: group.rpoSeconds,
    time_zone: group.timeZone,
    blackouts: group.blackouts === undefined ? undefined : JSON.stringify(group.blackouts),
  })

/** Without what was left out; null stays. */
export const given = (columns: Readonly<Record<string, unknown>>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(columns).filter(([, value]) => value !== undefined))
