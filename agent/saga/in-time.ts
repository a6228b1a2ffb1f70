import { AppError } from '../errors.js'

/**
 * What `work` gives. Rejects with STORE_UNAVAILABLE when it has not settled within `limitMs`, or when `over` is aborted first;
 * how it ends after that does not matter to anybody.
 */
export async function inTime<T>(
  pause: (delayMs: number, signal: AbortSignal) => Promise<void>,
  work: Promise<T>,
  limitMs: number,
  over: AbortSignal,
): Promise<T> {
  const settled = new AbortController()
  const late = pause(Math.max(limitMs, 0), AbortSignal.any([settled.signal, over])).then(() => {
    throw new AppError('STORE_UNAVAILABLE', 'the database did not answer while the lease lasted')
  })
  try {
    return await Promise.race([work, late])
  } finally {
    settled.abort()
  }
}
