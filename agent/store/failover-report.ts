import { type FailoverReport } from '../api/failover.js'
import { type SavedEvent } from '../saga/log.js'
import { type Database } from './database.js'
import { blueprintOf, evidenceOf, failoverDisks, type FailoverRow } from './failover-rows.js'
import { eventFromRow, type EventRow } from './saga-log.js'

/** From the start of a step to its end, of the last time it was run or undone; steps that never ended are left out. */
export function stepSeconds(
  events: readonly SavedEvent[],
): readonly { readonly name: string; readonly seconds: number }[] {
  const begun = new Map<string, Date>()
  const seconds = new Map<string, number>()
  for (const { kind, step, at } of events) {
    if (kind === 'started') begun.set(step, at)
    const start = begun.get(step)
    if (kind === 'succeeded' && start !== undefined)
      seconds.set(step, (at.getTime() - start.getTime()) / 1000)
  }
  return [...seconds].map(([name, length]) => ({ name, seconds: length }))
}

const between = (from: Date | null, to: Date | null): number | null =>
  from === null || to === null ? null : (to.getTime() - from.getTime()) / 1000

/** What was measured, as far as the failover came. */
export async function reportOf(db: Database, row: FailoverRow): Promise<FailoverReport> {
  const sagas = row.closing_saga_id === null ? [row.saga_id] : [row.saga_id, row.closing_saga_id]
  const logs = await Promise.all(
    sagas.map(async id =>
      (await db<EventRow>('saga_events').where('saga_id', id).orderBy('seq')).map(eventFromRow),
    ),
  )
  const blueprint = blueprintOf(row)
  const evidence = evidenceOf(row)
  return {
    pointAt: row.point_at?.toISOString() ?? null,
    pointPassId: row.point_pass_id,
    secondsToUp: between(row.requested_at, row.up_at),
    downtimeSeconds: between(row.source_off_at, row.up_at),
    upSeconds: between(row.up_at, row.ended_at),
    evidence: evidence === null ? null : { ...evidence, addresses: [...evidence.addresses] },
    networks: (blueprint?.nics ?? []).map(({ label, networkName }) => ({ nic: label, network: networkName })),
    disks: (await failoverDisks(db, row.id)).map(
      ({ label, capacity_bytes: capacityBytes, volume_id: volumeId }) => ({
        label,
        capacityBytes,
        volumeId,
      }),
    ),
    steps: logs.flatMap(stepSeconds).map(one => ({ ...one })),
  }
}
