import { openStates } from '../domain/failover.js'
import { type JobFacts } from '../schedule/queue.js'
import { type Database } from './database.js'
import { type JobRow } from './pass-store.js'

interface WorkRow {
  readonly job_id: string
  readonly id: string
  readonly state: 'running' | 'unwinding' | 'needs-operator'
}

type Row = Pick<JobRow, 'id' | 'paused_at' | 'stopped_at'> & {
  readonly power: JobFacts['power'] | null
}

export type FactsOfJobs = (job: string, isEnabled: boolean) => JobFacts

/** What is known of these jobs now. */
export async function factsOf(db: Database, jobs: readonly string[]): Promise<FactsOfJobs> {
  const rows = await db('replication_jobs as j')
    .leftJoin('source_vms as v', 'v.id', 'j.source_vm_id')
    .whereIn('j.id', [...jobs])
    .select<Row[]>('j.id', 'j.paused_at', 'j.stopped_at', 'v.power')
  const unfinished = (table: 'passes' | 'verifications') =>
    db(`${table} as p`)
      .join('sagas as s', 's.id', 'p.saga_id')
      .whereIn('p.job_id', [...jobs])
      .whereNot('s.state', 'done')
      .select<WorkRow[]>('p.job_id', 'p.id', 's.state')
  const works = [
    ...(await unfinished('passes')).map(work => ({ ...work, kind: 'pass' as const })),
    ...(await unfinished('verifications')).map(work => ({ ...work, kind: 'verification' as const })),
  ]
  const failovers = await db('failovers')
    .whereIn('job_id', [...jobs])
    .where(gone => {
      void gone.where('state', 'committed').orWhere(open => {
        void open
          .whereNot('kind', 'test')
          .where('holds_replicas', true)
          .whereIn('state', [...openStates])
      })
    })
    .select<{ job_id: string }[]>('job_id')
  const failedOver = new Set(failovers.map(row => row.job_id))
  const known = new Map(rows.map(row => [row.id, row]))
  return (job, isEnabled) => {
    const row = known.get(job)
    const work = works.find(one => one.job_id === job)
    const kind = work?.state === 'needs-operator' ? 'parked' : work?.kind
    return {
      exists: row !== undefined,
      isEnabled,
      isPaused: (row?.paused_at ?? null) !== null,
      isStopped: (row?.stopped_at ?? null) !== null,
      isFailedOver: failedOver.has(job),
      power: row?.power ?? 'unknown',
      work: work === undefined || kind === undefined ? null : { kind, id: work.id },
    }
  }
}
