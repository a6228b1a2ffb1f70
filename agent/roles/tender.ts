import { type Logger } from '../log/logger.js'
import { inTime } from '../saga/in-time.js'
import { type TendingStore } from '../store/tending.js'

export interface TenderOptions {
  readonly store: TendingStore
  readonly leaseMs: number
  /** Milliseconds on a clock that never jumps. */
  readonly now: () => number
  readonly pause: (delayMs: number, signal: AbortSignal) => Promise<void>
  readonly logger: Logger
}

/**
 * Of several agents on one database one tends what they share: compares, detaches, removes. It holds that duty for a lease that
 * it renews three times as often; the others wait for it to lapse.
 */
export class Tender {
  readonly #options: TenderOptions
  readonly #stop = new AbortController()
  #duty = new AbortController()
  #onDuty: (() => void)[] = []
  #heldUntil = -Infinity
  #taking: Promise<void> = Promise.resolve()

  constructor(options: TenderOptions) {
    this.#options = options
    this.#duty.abort()
  }

  start(): void {
    this.#taking = this.#takeUntilStopped()
  }

  /** Gives the duty up. Work that was begun under it has to be over. */
  async stop(): Promise<void> {
    this.#stop.abort()
    await this.#taking
    const isHeld = !this.#duty.signal.aborted
    this.#duty.abort()
    if (!isHeld) return
    try {
      await this.#options.store.release()
    } catch (error) {
      this.#options.logger.warn({ err: error }, 'the duty to tend is left to lapse')
    }
  }

  /**
   * The same work, done only while this agent has the duty: it waits for that, and its signal is aborted when the duty
   * is lost.
   */
  whenOnDuty<T>(work: (signal: AbortSignal) => Promise<T>): (signal: AbortSignal) => Promise<T | undefined> {
    return async signal => {
      if (this.#duty.signal.aborted) await this.#nextDuty(signal)
      if (signal.aborted) return undefined
      return work(AbortSignal.any([signal, this.#duty.signal]))
    }
  }

  #nextDuty(signal: AbortSignal): Promise<void> {
    return new Promise(resolve => {
      this.#onDuty.push(resolve)
      if (signal.aborted) resolve()
      signal.addEventListener('abort', () => resolve(), { once: true })
    })
  }

  async #takeUntilStopped(): Promise<void> {
    const { leaseMs, pause, now } = this.#options
    while (!this.#stop.signal.aborted) {
      await this.#takeOnce()
      const untilLapse = this.#duty.signal.aborted ? leaseMs : this.#heldUntil - now()
      await pause(Math.max(Math.min(leaseMs / 3, untilLapse), 0), this.#stop.signal)
    }
  }

  async #takeOnce(): Promise<void> {
    const { store, leaseMs, now, pause, logger } = this.#options
    const askedAt = now()
    const isHeld = !this.#duty.signal.aborted
    try {
      const limitMs = isHeld ? this.#heldUntil - askedAt : leaseMs
      if (await inTime(pause, store.take(), limitMs, this.#stop.signal)) {
        this.#heldUntil = askedAt + leaseMs
        if (!isHeld) this.#begin()
      } else if (isHeld) {
        this.#duty.abort(new Error('another agent tends'))
      }
    } catch (error) {
      if (this.#stop.signal.aborted) return
      logger.warn({ err: error }, 'who tends could not be settled')
      if (isHeld && now() >= this.#heldUntil) this.#duty.abort(error)
    }
  }

  #begin(): void {
    this.#duty = new AbortController()
    const waiting = this.#onDuty
    this.#onDuty = []
    for (const resolve of waiting) resolve()
  }
}
