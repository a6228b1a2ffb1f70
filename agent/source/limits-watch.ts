import { type LiveLimits } from './live-limits.js'
import { type RateGovernor } from './rate-governor.js'

export interface LimitsWatchOptions {
  readonly limits: Pick<LiveLimits, 'look'>
  readonly rates: Pick<RateGovernor, 'look'>
  readonly intervalMs: number
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
}

/** Lets changed limits, and the hours of the timetable, reach the copies that run. */
export class LimitsWatch {
  readonly #options: LimitsWatchOptions
  readonly #stop = new AbortController()
  #watching: Promise<void> = Promise.resolve()

  constructor(options: LimitsWatchOptions) {
    this.#options = options
  }

  start(): void {
    this.#watching = this.#watchUntilStopped()
  }

  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#watching
  }

  async #watchUntilStopped(): Promise<void> {
    const { limits, rates, intervalMs, pause } = this.#options
    while (!this.#stop.signal.aborted) {
      await limits.look()
      rates.look()
      await pause(intervalMs, this.#stop.signal)
    }
  }
}
