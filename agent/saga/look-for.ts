export interface Looking {
  readonly now: () => Date
  /** Rejects when `signal` is aborted, or resolves early. */
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
  readonly timing: { readonly lookMs: number }
}

/**
 * Looks every `lookMs` until something is seen; undefined after `limitMs`, which may be infinite. Rejects as `look` does, and
 * with the reason of `signal`. Nothing is kept: a step that is run again begins its time anew.
 */
export async function lookFor<T>(
  { now, pause, timing }: Looking,
  signal: AbortSignal,
  limitMs: number,
  look: () => Promise<T | undefined>,
): Promise<T | undefined> {
  const endMs = now().getTime() + limitMs
  for (;;) {
    const seen = await look()
    if (seen !== undefined || now().getTime() >= endMs) return seen
    await pause(timing.lookMs, signal)
    signal.throwIfAborted()
  }
}
