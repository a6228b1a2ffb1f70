import { type Steer, type SteeredCopy } from '../nbd/steered-copy.js'
import { type RateGovernor } from './rate-governor.js'

export type Rates = Pick<RateGovernor, 'add' | 'remove' | 'rateOfNext'>

/**
 * Holds all copies of one task as the OMA asks, those that begin later as well, and lets the others have their share of the
 * rate. An OMA that does not answer changes nothing: what it asked last goes on to hold.
 */
export class CopySteering {
  readonly #rates: Rates
  readonly #cap: bigint | null
  readonly #copies = new Set<SteeredCopy>()
  #isHeld: boolean

  /** `cap`: bytes in a second that none of the copies may exceed; null: no limit of their own. */
  constructor(isHeld: boolean, rates: Rates, cap: bigint | null) {
    this.#isHeld = isHeld
    this.#rates = rates
    this.#cap = cap
  }

  /** Nothing new is read of any disk; what was in flight has gone on its way. */
  get isHeld(): boolean {
    return this.#isHeld
  }

  hold(isHeld: boolean): void {
    if (isHeld === this.#isHeld) return
    this.#isHeld = isHeld
    for (const copy of this.#copies) {
      if (isHeld) {
        copy.pause()
        this.#rates.remove(copy)
      } else {
        this.#rates.add(copy, this.#cap)
        copy.resume()
      }
    }
  }

  readonly attach: Steer = start => {
    const copy = start(this.#rates.rateOfNext(this.#cap))
    this.#copies.add(copy)
    if (this.#isHeld) copy.pause()
    else this.#rates.add(copy, this.#cap)
    const release = (): void => {
      this.#copies.delete(copy)
      this.#rates.remove(copy)
    }
    return { copy, release }
  }
}
