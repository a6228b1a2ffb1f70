import { type ChangeEnd, type ChangeJournal } from '../cloudstack/deps.js'
import { storeCall, type Database } from './database.js'

interface ChangeRow {
  readonly operation: string
  readonly command: string
  readonly job_id: string | null
  readonly state: 'intended' | 'waiting' | ChangeEnd
  readonly started_at: Date
  readonly ended_at: Date | null
}

/** The newest run of each operation; an older one is overwritten when the same wish comes again. */
export function cloudstackJournal(db: Database, now: () => Date): ChangeJournal {
  const update = async (operation: string, change: Partial<ChangeRow>): Promise<void> => {
    await db<ChangeRow>('cloudstack_jobs').where({ operation }).update(change)
  }
  return {
    unfinished: operation =>
      storeCall(`reading ${operation}`, async () => {
        const row = await db<ChangeRow>('cloudstack_jobs').where({ operation }).first()
        if (row?.state === 'intended') return { state: 'intended' }
        if (row?.state !== 'waiting') return undefined
        if (row.job_id === null) throw new Error(`${operation} waits for a job without id`)
        return { state: 'waiting', jobId: row.job_id }
      }),
    intend: (operation, command) =>
      storeCall(`recording ${operation}`, async () => {
        const row: ChangeRow = {
          operation,
          command,
          job_id: null,
          state: 'intended',
          started_at: now(),
          ended_at: null,
        }
        await db<ChangeRow>('cloudstack_jobs').insert(row).onConflict('operation').merge()
      }),
    jobStarted: (operation, jobId) =>
      storeCall(`recording the job of ${operation}`, () =>
        update(operation, { job_id: jobId, state: 'waiting' }),
      ),
    ended: (operation, end) =>
      storeCall(`recording the end of ${operation}`, () =>
        update(operation, { state: end, ended_at: now() }),
      ),
  }
}
