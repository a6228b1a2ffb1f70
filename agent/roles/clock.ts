import { setTimeout as after } from 'node:timers/promises'

/** Resolves after `delayMs`, or at once when the signal aborts; never rejects for the abort. */
export async function pause(delayMs: number, signal: AbortSignal): Promise<void> {
  try {
    await after(delayMs, undefined, { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}

/** Milliseconds on a clock that never jumps. */
export const monotonicMs = (): number => performance.now()

export const wallClock = (): Date => new Date()
