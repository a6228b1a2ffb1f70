import { type JobId, type PassId } from '../domain/ids.js'
import { type LastPass, type Pace, type PaceDecision } from '../domain/pace.js'
import { type Database } from './database.js'

interface PaceRow {
  readonly id: string
  readonly job_id: string
  readonly number: number
  readonly pace_level: number | null
  readonly pace_bytes_per_sec: string | null
  readonly freeze_seconds: number | null
  readonly removal_seconds: number | null
}

/** The newest pass before this one that took a snapshot, however it ended. */
export async function lastPass(db: Database, job: JobId, pass: PassId): Promise<LastPass | undefined> {
  const row = await db<PaceRow>('passes')
    .where('job_id', job)
    .whereNot('id', pass)
    .whereNotNull('freeze_seconds')
    .orderBy('number', 'desc')
    .first()
  if (row === undefined) return undefined
  const disks: { rate_bytes_per_sec: string }[] = await db('pass_disks')
    .where('pass_id', row.id)
    .select('rate_bytes_per_sec')
  return {
    number: row.number,
    pace: paceFromRow(row),
    freezeSeconds: row.freeze_seconds,
    removalSeconds: row.removal_seconds,
    bytesPerSec: disks.reduce((sum, disk) => sum + BigInt(disk.rate_bytes_per_sec), 0n),
  }
}

/** A pass taken up again keeps the pace it began with. */
export async function recordPace(db: Database, pass: PassId, { pace, why }: PaceDecision): Promise<void> {
  const changed = await db('passes')
    .where({ id: pass })
    .whereNull('pace_level')
    .update({ pace_level: pace.level, pace_bytes_per_sec: pace.bytesPerSec?.toString() ?? null })
  if (changed === 1 && why !== null)
    await db('pass_notes').insert({ pass_id: pass, kind: 'pace', note: why }).onConflict().ignore()
}

export async function readPace(db: Database, pass: PassId): Promise<Pace> {
  const row = await db<PaceRow>('passes').where({ id: pass }).first()
  if (row === undefined) throw new Error(`no pass ${pass}`)
  return paceFromRow(row)
}

/** Passes of before paces were kept went as fast as they could. */
const paceFromRow = (row: PaceRow): Pace => ({
  level: row.pace_level ?? 0,
  bytesPerSec: row.pace_bytes_per_sec === null ? null : BigInt(row.pace_bytes_per_sec),
})
