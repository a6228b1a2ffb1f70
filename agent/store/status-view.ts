import { type StatusView } from '../api/schemas.js'
import { errorTable } from '../errors.js'
import { type Database } from './database.js'
import { failureFromRow } from './saga-log.js'

export interface StatusOptions {
  readonly version: string
  readonly now: () => Date
  /** A VMA not heard for longer than this is lost. */
  readonly workerSilenceMs: number
}

interface SiteRow {
  readonly id: number
  readonly worker_seen_at: Date | null
  readonly source_state: 'ok' | 'failed' | null
  readonly failure_code: string | null
  readonly failure_message: string | null
  readonly checked_at: Date | null
}

/** What was last heard of the source site; nothing heard is unknown, never ok. */
export async function statusView(db: Database, options: StatusOptions): Promise<StatusView> {
  const row = await db<SiteRow>('source_site').where('id', 1).first()
  const now = options.now()
  const seenAt = row?.worker_seen_at ?? null
  const silentMs = seenAt === null ? undefined : now.getTime() - seenAt.getTime()
  const failure = row?.source_state === 'failed' ? failureFromRow(row) : undefined
  return {
    version: options.version,
    now: now.toISOString(),
    vma: {
      state: silentMs === undefined ? 'unknown' : silentMs > options.workerSilenceMs ? 'lost' : 'connected',
      lastSeenAt: seenAt?.toISOString() ?? null,
    },
    source: {
      state: row?.source_state ?? 'unknown',
      failure: failure === undefined ? null : { ...failure, next: errorTable[failure.code].next },
      checkedAt: row?.checked_at?.toISOString() ?? null,
    },
  }
}
