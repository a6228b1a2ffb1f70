import { openStates, type FailoverState } from '../domain/failover.js'
import { AppError } from '../errors.js'
import { type Database } from './database.js'

interface HoldingRow {
  readonly id: string
  readonly job_id: string
  readonly state: FailoverState
  readonly holds_replicas: boolean
}

/**
 * One saga works on the volumes of a job at a time. Rejects with JOB_BUSY, or with FAILOVER_COMMITTED for good. The caller
 * holds the job's row locked until its own saga is stored.
 */
export async function mustBeIdle(tx: Database, jobId: string): Promise<void> {
  const gone = await tx<HoldingRow>('failovers').where({ job_id: jobId, state: 'committed' }).first()
  if (gone !== undefined) throw new AppError('FAILOVER_COMMITTED', `failover ${gone.id} of job ${jobId}`)
  await mustRunNothing(tx, jobId)
}

/** The same, and a job whose VM has failed over for good runs nothing either. */
export async function mustRunNothing(tx: Database, jobId: string): Promise<void> {
  const holder = await tx<HoldingRow>('failovers')
    .where({ job_id: jobId, holds_replicas: true })
    .whereIn('state', [...openStates])
    .first()
  if (holder !== undefined)
    throw new AppError('JOB_BUSY', `failover ${holder.id} of job ${jobId} is ${holder.state}`)
  for (const [table, what] of [
    ['passes', 'a pass'],
    ['verifications', 'a verification'],
    ['restores', 'a restore'],
  ] as const) {
    const busy = await tx<{ saga_id: string }>('sagas')
      .whereIn('id', tx(table).where('job_id', jobId).select('saga_id'))
      .whereNot('state', 'done')
      .first<{ state: string } | undefined>('state')
    if (busy !== undefined) throw new AppError('JOB_BUSY', `${what} of job ${jobId} is ${busy.state}`)
  }
}
