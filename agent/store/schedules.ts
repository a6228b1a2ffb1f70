import { randomUUID } from 'node:crypto'
import { groupId, roundId, scheduleId } from '../domain/ids.js'
import { type ActiveSchedule, type FireOutcome, type ScheduleStore } from '../schedule/deps.js'
import { type Due, type MissedSlots } from '../schedule/due.js'
import { storeCall, type Database } from './database.js'
import { newRound } from './new-round.js'
import { inTurn, type GroupRow, type RoundRow, type ScheduleRow } from './schedule-rows.js'

/** What the scheduler needs of schedules. */
export function scheduleStore(db: Database, now: () => Date): ScheduleStore {
  return {
    active: () =>
      storeCall('reading schedules', async () => {
        const rows = await db<ScheduleRow>('schedules').where('enabled', true).orderBy('next_fire_at')
        return rows.flatMap(activeFrom)
      }),
    fire: (schedule, due) =>
      storeCall(`firing schedule ${schedule.id}`, () => inTurn(db, tx => fire(tx, now(), schedule, due))),
    moveNext: (schedule, next) =>
      storeCall(`moving the next fire of schedule ${schedule.id}`, () => moveNext(db, schedule, next)),
  }
}

const activeFrom = (row: ScheduleRow): ActiveSchedule[] =>
  row.next_fire_at === null
    ? []
    : [
        {
          id: scheduleId(row.id),
          name: row.name,
          groupId: groupId(row.group_id),
          cron: row.cron,
          timeZone: row.time_zone,
          misfire: row.misfire,
          graceMs: row.grace_seconds * 1000,
          nextFireAt: row.next_fire_at,
          revision: row.revision,
        },
      ]

async function moveNext(db: Database, schedule: ActiveSchedule, next: Date | null): Promise<boolean> {
  const { id, revision, nextFireAt } = schedule
  const moved = await db('schedules')
    .where({ id, revision, enabled: true, next_fire_at: nextFireAt })
    .update({ next_fire_at: next })
  return moved === 1
}

async function fire(
  tx: Database,
  firedAt: Date,
  schedule: ActiveSchedule,
  due: Due & { readonly kind: 'due' },
): Promise<FireOutcome> {
  if (!(await moveNext(tx, schedule, due.next))) return { kind: 'lost' }
  const group = await tx<GroupRow>('replication_groups').where('id', schedule.groupId).first()
  if (group === undefined) throw new Error(`schedule ${schedule.id} has no group`)
  if (due.missed !== null) await recordMissed(tx, firedAt, schedule, group, due.missed)
  if (due.fire === null) return { kind: 'missed' }
  const { slotAt, isLate } = due.fire
  const fired = await tx<RoundRow>('rounds').where({ schedule_id: schedule.id, slot_at: slotAt }).first()
  if (fired !== undefined) return { kind: 'repeated' }
  const round = await newRound(tx, group, {
    trigger: 'schedule',
    schedule,
    slotAt,
    isLate,
    firedAt,
    jobs: null,
  })
  return { kind: 'fired', round }
}

/** Without a slot of its own: after the clock was put back, what was missed may still fire. */
async function recordMissed(
  tx: Database,
  at: Date,
  schedule: ActiveSchedule,
  group: GroupRow,
  missed: MissedSlots,
): Promise<void> {
  await tx('rounds').insert({
    id: roundId(randomUUID()),
    kind: 'missed',
    triggered_by: 'schedule',
    schedule_id: schedule.id,
    schedule_name: schedule.name,
    group_id: group.id,
    group_name: group.name,
    is_late: true,
    fired_at: at,
    missed_from: missed.from,
    missed_until: missed.until,
    missed_count: missed.count,
    reason: missed.isCoalesced ? 'coalesced' : 'misfire-skipped',
  })
}
