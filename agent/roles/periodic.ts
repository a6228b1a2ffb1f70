import { pause } from './clock.js'

export interface PeriodicOptions {
  readonly work: (signal: AbortSignal) => Promise<unknown>
  readonly first: 'at-once' | 'after-interval'
  /** From the end of one turn to the beginning of the next. */
  readonly intervalMs: number
  readonly onFailure: (error: unknown) => void
}

/** Does something again and again, one turn at a time. A turn that fails is told, and the next one comes all the same. */
export class Periodic {
  readonly #options: PeriodicOptions
  readonly #stop = new AbortController()
  #turning: Promise<void> = Promise.resolve()

  constructor(options: PeriodicOptions) {
    this.#options = options
  }

  start(): void {
    this.#turning = this.#turnUntilStopped()
  }

  /** Resolves when the turn that goes on has ended; its signal is aborted. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#turning
  }

  async #turnUntilStopped(): Promise<void> {
    const { work, first, intervalMs, onFailure } = this.#options
    const { signal } = this.#stop
    if (first === 'after-interval') await pause(intervalMs, signal)
    while (!signal.aborted) {
      try {
        await work(signal)
      } catch (error) {
        if (!isAborted(signal)) onFailure(error)
      }
      await pause(intervalMs, signal)
    }
  }
}

/** Asked anew each time: the compiler takes one look for all. */
const isAborted = (signal: AbortSignal): boolean => signal.aborted
