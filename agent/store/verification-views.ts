import { type LastVerification, type VerifiedState } from '../api/schemas.js'
import { type VerificationView } from '../api/verification.js'
import { type SagaState } from '../saga/log.js'
import { type Database } from './database.js'
import { failureView } from './failure-view.js'
import { failureFromRow } from './saga-log.js'

export interface VerificationRow {
  readonly id: string
  readonly job_id: string
  readonly saga_id: string
  readonly triggered_by: 'operator' | 'scrub'
  readonly started_at: Date
  readonly ended_at: Date | null
  readonly recovery_point_at: Date
  readonly algorithm: 'xxh3-128' | 'sha256'
  readonly block_bytes: number
  readonly bytes_per_second: string | null
  readonly failure_code: string | null
  readonly failure_message: string | null
}

interface VerificationDiskRow {
  readonly verification_id: string
  readonly disk_key: string
  readonly label: string
  readonly from_bytes: string
  readonly until_bytes: string
  readonly state: VerifiedState | null
  readonly why: string | null
  readonly blocks: number | null
  readonly differing_blocks: number | null
  readonly first_difference: string | null
  readonly compared_bytes: string | null
  readonly left_out_bytes: string | null
  readonly source_read_bytes: string | null
  readonly target_read_bytes: string | null
}

export const verificationDisks = (db: Database, id: string): Promise<VerificationDiskRow[]> =>
  db<VerificationDiskRow>('verification_disks')
    .where('verification_id', id)
    .orderByRaw('LENGTH(disk_key), disk_key')
    .select<VerificationDiskRow[]>()

export async function verificationView(db: Database, row: VerificationRow): Promise<VerificationView> {
  const saga = await db<{ id: string; state: SagaState }>('sagas').where('id', row.saga_id).first()
  if (saga === undefined) throw new Error(`verification ${row.id} has no saga`)
  const disks = await verificationDisks(db, row.id)
  return {
    id: row.id,
    jobId: row.job_id,
    trigger: row.triggered_by,
    sagaState: saga.state,
    state: worstOf(disks.map(disk => disk.state)),
    startedAt: row.started_at.toISOString(),
    endedAt: row.ended_at?.toISOString() ?? null,
    recoveryPointAt: row.recovery_point_at.toISOString(),
    algorithm: row.algorithm,
    blockBytes: row.block_bytes,
    bytesPerSecond: row.bytes_per_second,
    failure: row.failure_code === null ? null : failureView(failureFromRow(row)),
    disks: disks.map(disk => ({
      diskKey: disk.disk_key,
      label: disk.label,
      state: disk.state,
      why: disk.why,
      fromBytes: disk.from_bytes,
      untilBytes: disk.until_bytes,
      comparedBytes: disk.compared_bytes,
      leftOutBytes: disk.left_out_bytes,
      blocks: disk.blocks,
      differingBlocks: disk.differing_blocks,
      firstDifference: disk.first_difference,
      sourceReadBytes: disk.source_read_bytes,
      targetReadBytes: disk.target_read_bytes,
    })),
  }
}

/** The newest that ended; null: none did. */
export async function lastVerification(db: Database, jobId: string): Promise<LastVerification | null> {
  const row = await db<VerificationRow>('verifications')
    .where('job_id', jobId)
    .whereNotNull('ended_at')
    .orderBy('ended_at', 'desc')
    .first()
  if (row === undefined || row.ended_at === null) return null
  const { id, state, recoveryPointAt, disks, failure } = await verificationView(db, row)
  return {
    id,
    state,
    endedAt: row.ended_at.toISOString(),
    recoveryPointAt,
    blocks: disks.reduce((sum, disk) => sum + (disk.blocks ?? 0), 0),
    differingBlocks: disks.reduce((sum, disk) => sum + (disk.differingBlocks ?? 0), 0),
    failure,
  }
}

/** Null until every disk was looked at; one that differs outweighs one nobody can tell of. */
function worstOf(states: readonly (VerifiedState | null)[]): VerifiedState | null {
  if (states.length === 0 || states.includes(null)) return null
  if (states.includes('different')) return 'different'
  return states.includes('unknown') ? 'unknown' : 'identical'
}
