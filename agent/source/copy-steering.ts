import { type SteeredCopy } from '../nbd/steered-copy.js'

/**
 * Holds all copies of one task as the OMA asks, those that begin later as well. An OMA that does not answer changes nothing:
 * what it asked last goes on to hold.
 */
export class CopySteering {
  readonly #copies = new Set<SteeredCopy>()
  #isHeld: boolean

  constructor(isHeld: boolean) {
    this.#isHeld = isHeld
  }

  /** Nothing new is read of any disk; what was in flight has gone on its way. */
  get isHeld(): boolean {
    return this.#isHeld
  }

  hold(isHeld: boolean): void {
    if (isHeld === this.#isHeld) return
    this.#isHeld = isHeld
    for (const copy of this.#copies)
      if (isHeld) copy.pause()
      else copy.resume()
  }

  /** Call it before the copy reads; what it gives is called when the copy has ended. */
  readonly attach = (copy: SteeredCopy): (() => void) => {
    this.#copies.add(copy)
    if (this.#isHeld) copy.pause()
    return () => this.#copies.delete(copy)
  }
}
