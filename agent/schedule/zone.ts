const dayMs = 86_400_000

/** The instants at which the clock on the wall of a zone is put forward or back. */
export interface Transition {
  readonly at: Date
  /** Milliseconds the zone is ahead of UTC. */
  readonly beforeMs: number
  readonly afterMs: number
}

/** One IANA time zone. Its rules are those of the running Node. */
export class Zone {
  readonly name: string
  readonly #format: Intl.DateTimeFormat

  /** Throws a RangeError for a name nobody knows. */
  constructor(name: string) {
    this.name = name
    this.#format = new Intl.DateTimeFormat('en-US', {
      timeZone: name,
      hour: 'numeric',
      timeZoneName: 'longOffset',
    })
  }

  offsetMs(at: number): number {
    const text = this.#format.formatToParts(at).find(part => part.type === 'timeZoneName')?.value ?? ''
    const parts = /^GMT(?:([+-])(\d{2}):(\d{2})(?::(\d{2}))?)?$/.exec(text)
    if (parts === null) throw new Error(`the zone ${this.name} has an offset of ${text}`)
    const [, sign, hours = '0', minutes = '0', seconds = '0'] = parts
    const size = ((Number(hours) * 60 + Number(minutes)) * 60 + Number(seconds)) * 1000
    return sign === '-' ? -size : size
  }

  /**
   * The first transition after `after` and not after `until`; undefined: none. Two within one day that cancel each other are
   * not seen; no zone has such.
   */
  transition(after: number, until: number): Transition | undefined {
    const beforeMs = this.offsetMs(after)
    for (let low = after; low < until; low = Math.min(until, low + dayMs)) {
      const high = Math.min(until, low + dayMs)
      if (this.offsetMs(high) === beforeMs) continue
      return this.#between(low, high, beforeMs)
    }
    return undefined
  }

  #between(from: number, to: number, beforeMs: number): Transition {
    let [low, high] = [from, to]
    while (high - low > 1) {
      const middle = Math.floor((low + high) / 2)
      if (this.offsetMs(middle) === beforeMs) low = middle
      else high = middle
    }
    return { at: new Date(high), beforeMs, afterMs: this.offsetMs(high) }
  }
}
