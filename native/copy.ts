import { asNbdError } from './errors.js'
import { loadAddon, type NativeCounters } from './load.js'
import { type CopyRequest, type CopyResult } from './types.js'

/**
 * Copies the extents from source to target on native threads and flushes every target connection. Rejects with NbdError
 * (its `side` says whose fault) or the signal's reason; then the target holds an unknown mixture of old and new inside the
 * extents, and all threads and connections have ended. Nothing is retried, so `retriedRequests` is 0: a request that
 * failed fails the copy.
 */
export async function copy(request: CopyRequest): Promise<CopyResult> {
  const { signal, onProgress, ...plain } = request
  signal?.throwIfAborted()
  const rate = rateMeter()
  const job = loadAddon().startCopy(plain, counters => {
    onProgress?.({ ...counters, retriedRequests: 0, rateBytesPerSec: rate(counters) })
  })
  const abort = (): void => job.abort()
  signal?.addEventListener('abort', abort, { once: true })
  try {
    const result = { ...(await job.promise), retriedRequests: 0 }
    onProgress?.({ ...result, rateBytesPerSec: rate(result) })
    return result
  } catch (error) {
    signal?.throwIfAborted()
    throw asNbdError(error)
  } finally {
    signal?.removeEventListener('abort', abort)
  }
}

/** Bytes read per second over the last few reports: long enough to be steady, short enough to show a stall. */
function rateMeter(): (counters: NativeCounters) => bigint {
  const samples: { readonly atMs: number; readonly bytes: bigint }[] = [
    { atMs: performance.now(), bytes: 0n },
  ]
  return counters => {
    samples.push({ atMs: performance.now(), bytes: counters.readBytes })
    if (samples.length > 7) samples.shift()
    const first = samples[0]
    const last = samples.at(-1)
    if (first === undefined || last === undefined || last.atMs <= first.atMs) return 0n
    return ((last.bytes - first.bytes) * 1000n) / BigInt(Math.max(1, Math.round(last.atMs - first.atMs)))
  }
}
