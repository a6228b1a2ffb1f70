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
  readonly worker_version: string | null
  readonly worker_refused_at: Date | null
  readonly worker_refusal: string | null
  readonly source_state: 'ok' | 'failed' | null
  readonly failure_code: string | null
  readonly failure_message: string | null
  readonly checked_at: Date | null
}

/** What was last heard of the source site; nothing heard is unknown, never ok. */
export async function statusView(db: Database, options: StatusOptions): Promise<StatusView> {
  const row = await db<SiteRow>('source_site').where('id', 1).first()
  const now = options.now()
  const failure = row?.source_state === 'failed' ? failureFromRow(row) : undefined
  return {
    version: options.version,
    now: now.toISOString(),
    vma: vmaView(row, now, options.workerSilenceMs),
    source: {
      state: row?.source_state ?? 'unknown',
      failure: failure === undefined ? null : { ...failure, next: errorTable[failure.code].next },
      checkedAt: row?.checked_at?.toISOString() ?? null,
    },
  }
}

/** The newest thing a VMA did counts: it was heard, or turned away. One turned away was not heard. */
function vmaView(row: SiteRow | undefined, now: Date, silenceMs: number): StatusView['vma'] {
  const seenAt = row?.worker_seen_at ?? null
  const refusedAt = row?.worker_refused_at ?? null
  const isRecent = (at: Date): boolean => now.getTime() - at.getTime() <= silenceMs
  const heard = {
    lastSeenAt: seenAt?.toISOString() ?? null,
    version: row?.worker_version ?? null,
    failure: null,
  }
  if (refusedAt !== null && isRecent(refusedAt) && (seenAt === null || refusedAt > seenAt)) {
    const code = 'WORKER_VERSION_MISMATCH'
    const failure = { code, message: row?.worker_refusal ?? '', next: errorTable[code].next } as const
    return { ...heard, state: 'refused', failure }
  }
  if (seenAt === null) return { ...heard, state: 'unknown' }
  return { ...heard, state: isRecent(seenAt) ? 'connected' : 'lost' }
}
