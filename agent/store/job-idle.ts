import { AppError } from '../errors.js'
import { type Database } from './database.js'

/**
 * One saga works on the volumes of a job at a time. Rejects with JOB_BUSY. The caller holds the job's row locked until its
 * own saga is stored.
 */
export async function mustBeIdle(tx: Database, jobId: string): Promise<void> {
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
