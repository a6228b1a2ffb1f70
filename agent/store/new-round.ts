import { randomUUID } from 'node:crypto'
import { roundId, type JobId, type RoundId } from '../domain/ids.js'
import { type Database } from './database.js'
import { type EntryRow, type GroupRow, type MemberRow, type RoundRow } from './schedule-rows.js'

interface NewRound {
  readonly trigger: RoundRow['triggered_by']
  readonly schedule: { readonly id: string; readonly name: string } | null
  readonly slotAt: Date | null
  readonly isLate: boolean
  readonly firedAt: Date
  /** Null: all of the group. */
  readonly jobs: readonly JobId[] | null
}

/** Records a round of a group, each VM of it with its place in the queue, or why it has none. Within a turn. */
export async function newRound(tx: Database, group: GroupRow, round: NewRound): Promise<RoundId> {
  const id = roundId(randomUUID())
  await tx('rounds').insert({
    id,
    kind: 'fired',
    triggered_by: round.trigger,
    schedule_id: round.schedule?.id ?? null,
    schedule_name: round.schedule?.name ?? null,
    group_id: group.id,
    group_name: group.name,
    slot_at: round.slotAt,
    is_late: round.isLate,
    fired_at: round.firedAt,
  })
  const members = tx<MemberRow>('group_members as m')
    .join('replication_jobs as j', 'j.id', 'm.job_id')
    .where('m.group_id', group.id)
    .select('m.*', 'j.vm_name')
  if (round.jobs !== null) void members.whereIn('m.job_id', [...round.jobs])
  const rows = (await members) as readonly (MemberRow & { readonly vm_name: string })[]
  const waiting = await tx<EntryRow>('round_entries').whereIn(
    'queued_job_id',
    rows.map(row => row.job_id),
  )
  const entries = rows.map(member => {
    const earlier = waiting.find(entry => entry.job_id === member.job_id)
    const isLeftOut = member.enabled !== 1 || earlier !== undefined
    const reason = member.enabled !== 1 ? 'member-disabled' : earlier !== undefined ? 'already-queued' : 'new'
    return {
      round_id: id,
      job_id: member.job_id,
      vm_name: member.vm_name,
      priority: member.priority,
      state: isLeftOut ? 'skipped' : 'queued',
      queued_job_id: isLeftOut ? null : member.job_id,
      reason,
      detail: reason === 'already-queued' ? (earlier?.round_id ?? '') : '',
      tries: 0,
      ended_at: isLeftOut ? round.firedAt : null,
    }
  })
  for (let first = 0; first < entries.length; first += 500)
    await tx('round_entries').insert(entries.slice(first, first + 500))
  return id
}
