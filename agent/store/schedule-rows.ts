import { type Database } from './database.js'
import { type DayWindow, type Weekday } from '../domain/load-limits.js'
import { groupId } from '../domain/ids.js'
import { type MisfirePolicy } from '../schedule/due.js'
import { type GroupRules } from '../schedule/queue.js'

export interface GroupRow {
  readonly id: string
  readonly name: string
  readonly priority: number
  readonly max_concurrent: number
  readonly powered_off: 'replicate' | 'skip'
  readonly max_retries: number | null
  readonly rpo_seconds: number | null
  readonly time_zone: string
  /** JSON of `Blackout`. */
  readonly blackouts: string
  readonly created_at: Date
}

export interface MemberRow {
  readonly group_id: string
  readonly job_id: string
  readonly enabled: number
  readonly priority: number
  readonly added_at: Date
}

export interface ScheduleRow {
  readonly id: string
  readonly name: string
  readonly group_id: string
  readonly cron: string
  readonly time_zone: string
  readonly enabled: number
  readonly misfire: MisfirePolicy
  readonly grace_seconds: number
  readonly when_running: 'skip' | 'wait'
  readonly max_concurrent: number | null
  readonly next_fire_at: Date | null
  readonly revision: number
  readonly created_at: Date
}

export interface RoundRow {
  readonly id: string
  readonly kind: 'fired' | 'missed'
  readonly triggered_by: 'schedule' | 'operator' | 'rpo'
  readonly schedule_id: string | null
  readonly schedule_name: string | null
  readonly group_id: string
  readonly group_name: string
  readonly slot_at: Date | null
  readonly is_late: number
  readonly fired_at: Date
  readonly missed_from: Date | null
  readonly missed_until: Date | null
  readonly missed_count: number | null
  readonly reason: string | null
}

export interface EntryRow {
  readonly round_id: string
  readonly job_id: string
  readonly vm_name: string
  readonly priority: number
  readonly state: 'queued' | 'running' | 'committed' | 'failed' | 'skipped'
  /** The job while it waits: a job waits once. */
  readonly queued_job_id: string | null
  readonly reason: string | null
  readonly detail: string
  readonly tries: number
  readonly not_before: Date | null
  readonly pass_id: string | null
  readonly failure_code: string | null
  readonly failure_message: string | null
  readonly started_at: Date | null
  readonly ended_at: Date | null
}

export interface StoredBlackout {
  readonly days: readonly Weekday[]
  readonly from: string
  readonly to: string
}

export const blackoutsOf = (row: Pick<GroupRow, 'blackouts'>): readonly StoredBlackout[] =>
  JSON.parse(row.blackouts) as StoredBlackout[]

const minuteOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3))

const windowOf = ({ days, from, to }: StoredBlackout): DayWindow => ({
  days,
  fromMinute: minuteOf(from),
  toMinute: minuteOf(to),
})

export const rulesOf = (row: GroupRow): GroupRules => ({
  id: groupId(row.id),
  priority: row.priority,
  maxConcurrent: row.max_concurrent,
  poweredOff: row.powered_off,
  timeZone: row.time_zone,
  blackouts: blackoutsOf(row).map(windowOf),
})

/**
 * One transaction that may change the queue. They come one after the other: each writes the row of the turn first, which
 * also makes two nodes of a cluster meet there. What others committed meanwhile is seen, so a pass of a job that somebody
 * else has just started is not overlooked.
 */
export const inTurn = <T>(db: Database, work: (tx: Database) => Promise<T>): Promise<T> =>
  db.transaction(
    async tx => {
      await tx('queue_turn').where({ id: 1 }).increment('turn', 1)
      return work(tx)
    },
    { isolationLevel: 'read committed' },
  )

export const entryOf = (tx: Database, round: string, job: string) =>
  tx('round_entries').where({ round_id: round, job_id: job })
