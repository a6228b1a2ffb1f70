import { type LoadLimits } from '../domain/load-limits.js'

/** Where a disk is read. */
export interface DiskPlace {
  /** The ESXi host of its VM. */
  readonly host: string
  readonly datastore: string
}

interface Waiting {
  readonly place: DiskPlace
  readonly admit: () => void
}

type Limits = Pick<LoadLimits, 'disksPerHost' | 'disksPerDatastore'>

/**
 * How many disks may be read of one ESXi host and of one datastore at the same time, by all tasks together. First come,
 * first served for each of them: who waits holds nothing, and nobody who came later takes the place it waits for.
 */
export class DiskBudget {
  readonly #limits: () => Limits
  readonly #open: DiskPlace[] = []
  #waiting: readonly Waiting[] = []

  /** `limits` is asked each time a place is given out; lower ones let open disks end. */
  constructor(limits: () => Limits) {
    this.#limits = limits
  }

  /** Resolves when the disk may be opened; what it gives frees the place, once. Rejects with the signal's reason. */
  async enter(place: DiskPlace, signal: AbortSignal): Promise<() => void> {
    signal.throwIfAborted()
    await new Promise<void>((resolve, reject) => {
      const admit = (): void => {
        signal.removeEventListener('abort', give)
        resolve()
      }
      const waiting: Waiting = { place, admit }
      const give = (): void => {
        this.#waiting = this.#waiting.filter(one => one !== waiting)
        this.#admit()
        reject(signal.reason as Error)
      }
      signal.addEventListener('abort', give, { once: true })
      this.#waiting = [...this.#waiting, waiting]
      this.#admit()
    })
    let isFree = false
    return () => {
      if (isFree) return
      isFree = true
      this.#open.splice(this.#open.indexOf(place), 1)
      this.#admit()
    }
  }

  /** Who has to wait keeps a place in each of its queues, so that those behind it take only what it leaves. */
  #admit(): void {
    const passedOver: Waiting[] = []
    for (const waiting of this.#waiting) {
      if (this.#hasRoom(waiting.place, passedOver)) {
        this.#open.push(waiting.place)
        waiting.admit()
      } else {
        passedOver.push(waiting)
      }
    }
    this.#waiting = passedOver
  }

  #hasRoom({ host, datastore }: DiskPlace, before: readonly Waiting[]): boolean {
    const { disksPerHost, disksPerDatastore } = this.#limits()
    const taken = [...this.#open, ...before.map(waiting => waiting.place)]
    return (
      taken.filter(place => place.host === host).length < disksPerHost &&
      taken.filter(place => place.datastore === datastore).length < disksPerDatastore
    )
  }
}
