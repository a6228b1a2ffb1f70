import { rateOfEach, ratesAt, type LoadLimits } from '../domain/load-limits.js'
import { type SteeredCopy } from '../nbd/steered-copy.js'

export interface RateGovernorOptions {
  /** Asked at each look, so that changed limits count without a new start. */
  readonly limits: () => LoadLimits
  readonly now: () => Date
}

/** Shares the rate that the timetable allows evenly among the copies that move, of all tasks together. */
export class RateGovernor {
  readonly #options: RateGovernorOptions
  /** Each with the limit of its own pass; null: none. */
  readonly #moving = new Map<SteeredCopy, bigint | null>()

  constructor(options: RateGovernorOptions) {
    this.#options = options
  }

  /** What one more copy would have; undefined: no limit. */
  rateOfNext(cap: bigint | null): bigint | undefined {
    return lower(this.#share(this.#moving.size + 1), cap) ?? undefined
  }

  /** `cap`: bytes in a second that this copy may never exceed. */
  add(copy: SteeredCopy, cap: bigint | null): void {
    this.#moving.set(copy, cap)
    this.look()
  }

  remove(copy: SteeredCopy): void {
    if (this.#moving.delete(copy)) this.look()
  }

  /** Applies what holds now. */
  look(): void {
    const share = this.#share(this.#moving.size)
    for (const [copy, cap] of this.#moving) copy.setRate(lower(share, cap) ?? undefined)
  }

  #share(copies: number): bigint | null {
    const { limits, now } = this.#options
    return rateOfEach(ratesAt(limits().timetable, now()), copies)
  }
}

const lower = (one: bigint | null, other: bigint | null): bigint | null =>
  one === null ? other : other === null || one < other ? one : other
