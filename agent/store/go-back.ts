import { AppError } from '../errors.js'
import { isCommitted } from '../domain/pass-state.js'
import { type Database } from './database.js'
import { type JobRow, type PassRow } from './pass-store.js'
import { readReplica } from './replica-view.js'

/**
 * Ends the pass of the job that was not committed, so that its volumes are and stay the last recovery point; one that was
 * committed goes on, for it makes them that point. Needs neither VMA nor source. Gives the saga that is left to be run;
 * undefined: none is. Rejects with NOT_FOUND, or JOB_HAS_NO_POINT, which ends nothing: then the pass is what there is to save.
 */
export const goBack = (
  db: Database,
  jobId: string,
): Promise<{ readonly sagaId: string; readonly what: 'cancel' | 'finish' } | undefined> =>
  db.transaction(async tx => {
    const job = await tx<JobRow>('replication_jobs').where('id', jobId).forUpdate().first()
    if (job === undefined) throw new AppError('NOT_FOUND', `replication job ${jobId}`)
    const replica = await readReplica(tx, job)
    if (replica.kind === 'none')
      throw new AppError('JOB_HAS_NO_POINT', `no pass of job ${jobId} was committed`)
    if (replica.kind === 'no-point') throw new AppError('JOB_HAS_NO_POINT', `job ${jobId}: ${replica.why}`)
    const pass = await tx<PassRow>('passes').where('job_id', jobId).orderBy('number', 'desc').first()
    if (pass === undefined) throw new Error(`job ${jobId} has a recovery point and no pass`)
    const saga = await tx<{ id: string; state: string }>('sagas').where('id', pass.saga_id).first()
    if (saga === undefined || saga.state === 'done') return undefined
    if (isCommitted(pass.state)) return { sagaId: pass.saga_id, what: 'finish' }
    await tx('sagas').where({ id: pass.saga_id, state: 'running' }).update({ cancel_requested: true })
    return { sagaId: pass.saga_id, what: 'cancel' }
  })
