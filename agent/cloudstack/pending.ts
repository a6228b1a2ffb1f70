import { type CloudstackApi, type Fields } from './api.js'

/** CloudStack names the job that works on an object; undefined: none. */
export function pendingJobOf({ jobid, jobstatus }: Fields): string | undefined {
  return typeof jobid === 'string' && jobstatus === 0 ? jobid : undefined
}

/**
 * The objects when no job works on them. A job whose start was not answered, or that an ended process began, may still
 * change what is listed; to act on it then would be to act twice. How the job ends does not count: the list is read again.
 */
export async function awaitPending(
  api: CloudstackApi,
  list: (signal: AbortSignal) => Promise<readonly (readonly [string | undefined, Fields])[]>,
  signal: AbortSignal,
): Promise<readonly Fields[]> {
  // A list that lags behind may name a job even after its end.
  const ended = new Set<string | undefined>([undefined])
  for (;;) {
    const listed = await list(signal)
    const pending = listed.map(([job]) => job).find(job => !ended.has(job))
    if (pending === undefined) return listed.map(([, fields]) => fields)
    await api.awaitJob('job of a listed object', pending, signal)
    ended.add(pending)
  }
}
