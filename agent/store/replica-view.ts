import { type ReplicaView, type StagingView } from '../api/staging.js'
import { type Replica } from '../domain/staging.js'
import { type Database } from './database.js'
import { type JobRow, type PassRow } from './pass-store.js'
import { replicaFromRows } from './staging.js'

/** What the volumes of a job are worth at the instant of `db`. */
export async function readReplica(db: Database, job: JobRow): Promise<Replica> {
  const pass =
    job.recovery_point_pass_id === null
      ? undefined
      : await db<PassRow>('passes').where('id', job.recovery_point_pass_id).first()
  return replicaFromRows(job, pass)
}

export const replicaView = (replica: Replica): ReplicaView => ({
  state: replica.kind,
  why: replica.kind === 'no-point' ? replica.why : null,
})

export const stagingView = ({ way, staged_bytes: staged, applied_bytes: applied }: PassRow): StagingView => ({
  way,
  stagedBytes: staged,
  appliedBytes: applied,
})
