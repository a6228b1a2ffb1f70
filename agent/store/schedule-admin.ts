import { randomUUID } from 'node:crypto'
import { type ChangeSchedule } from '../api/schedules.js'
import { AppError } from '../errors.js'
import { type ScheduleAdmin } from '../http/schedule-deps.js'
import { readCron, type Calendar } from '../schedule/cron.js'
import { storeCall, type Database } from './database.js'
import { given, mustExist, named } from './groups.js'
import { newRound } from './new-round.js'
import { inTurn, type ScheduleRow } from './schedule-rows.js'

const usual = {
  enabled: true,
  misfire: 'run-once',
  graceSeconds: 60,
  whenRunning: 'skip',
  maxConcurrent: null,
} as const

/** What operators do with schedules. Each change makes what a scheduler has just read of the schedule void. */
export function scheduleAdmin(db: Database, now: () => Date): ScheduleAdmin {
  return {
    create: body =>
      storeCall(`creating schedule ${body.name}`, async () => {
        const calendar = mustRead(body.cron, body.timeZone)
        const schedule = { ...usual, ...body }
        await mustExist(db, body.groupId)
        const id = randomUUID()
        const row = {
          id,
          group_id: body.groupId,
          ...columnsOf(schedule),
          next_fire_at: schedule.enabled ? (calendar.next(now()) ?? null) : null,
          revision: 1,
          created_at: now(),
        }
        await named(body.name, () => db('schedules').insert(row))
        return id
      }),
    change: (id, change) =>
      storeCall(`changing schedule ${id}`, () =>
        db.transaction(async tx => {
          const old = await tx<ScheduleRow>('schedules').where({ id }).forUpdate().first()
          if (old === undefined) throw new AppError('NOT_FOUND', `schedule ${id}`)
          const calendar = mustRead(change.cron ?? old.cron, change.timeZone ?? old.time_zone)
          const isEnabled = change.enabled ?? old.enabled === 1
          const isMoved =
            change.cron !== undefined || change.timeZone !== undefined || isEnabled !== (old.enabled === 1)
          const next = isMoved ? (isEnabled ? (calendar.next(now()) ?? null) : null) : old.next_fire_at
          const columns = { ...columnsOf(change), next_fire_at: next, revision: old.revision + 1 }
          await named(change.name ?? '', () => tx('schedules').where({ id }).update(columns))
        }),
      ),
    remove: id =>
      storeCall(`deleting schedule ${id}`, async () => {
        const removed = await db('schedules').where({ id }).delete()
        if (removed === 0) throw new AppError('NOT_FOUND', `schedule ${id}`)
      }),
    run: id =>
      storeCall(`running schedule ${id}`, () =>
        inTurn(db, async tx => {
          const schedule = await tx<ScheduleRow>('schedules').where({ id }).first()
          if (schedule === undefined) throw new AppError('NOT_FOUND', `schedule ${id}`)
          const group = await mustExist(tx, schedule.group_id)
          const asked = { trigger: 'operator', slotAt: null, isLate: false, jobs: null } as const
          return newRound(tx, group, { ...asked, schedule, firedAt: now() })
        }),
      ),
    preview: ({ cron, timeZone }) => {
      const calendar = mustRead(cron, timeZone)
      return {
        fires: calendar
          .preview(now(), 5)
          .map(at => ({ at: at.toISOString(), local: localText(at, timeZone) })),
        clockChanges: calendar.namesHours ? 'once-a-day' : 'as-the-clock-runs',
      }
    },
  }
}

/** Throws REQUEST_INVALID, which names the field. */
function mustRead(cron: string, timeZone: string): Calendar {
  const read = readCron(cron, timeZone)
  if (read.kind === 'invalid') throw new AppError('REQUEST_INVALID', `${read.field}: ${read.why}`)
  return read.calendar
}

const columnsOf = (schedule: ChangeSchedule) =>
  given({
    name: schedule.name,
    cron: schedule.cron,
    time_zone: schedule.timeZone,
    enabled: schedule.enabled,
    misfire: schedule.misfire,
    grace_seconds: schedule.graceSeconds,
    when_running: schedule.whenRunning,
    max_concurrent: schedule.maxConcurrent,
  })

const localText = (at: Date, timeZone: string): string =>
  new Intl.DateTimeFormat('en-GB', {
    timeZone,
    weekday: 'short',
    year: 'numeric',
    month: '2-digit',
    day: '2-digit',
    hour: '2-digit',
    minute: '2-digit',
    second: '2-digit',
    hourCycle: 'h23',
    timeZoneName: 'longOffset',
  }).format(at)
