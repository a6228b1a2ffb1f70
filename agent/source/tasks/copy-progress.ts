import { type DiskCounters } from '../../api/worker.js'
import { type DiskPlan, type MovedDisk } from '../../nbd/move-disk.js'

type Running = Omit<MovedDisk, 'seconds' | 'fallbacks' | 'flushed'>

const nothing = {
  readBytes: '0',
  writtenBytes: '0',
  zeroedBytes: '0',
  skippedBytes: '0',
  retriedRequests: 0,
  rateBytesPerSec: '0',
}

/** The counters of one task as they are reported: all disks together, each from its plan to its end. */
export class CopyProgress {
  readonly #report: (disks: readonly DiskCounters[]) => void
  readonly #disks = new Map<string, DiskCounters>()

  constructor(report: (disks: readonly DiskCounters[]) => void) {
    this.#report = report
  }

  /** `fallbacks`: what could not be done as it should, in words. */
  planned(diskKey: string, plan: DiskPlan, fallbacks: readonly string[]): void {
    const { syncType, plannedBytes } = plan
    this.#put({
      ...nothing,
      diskKey,
      syncType,
      plannedBytes: plannedBytes.toString(),
      seconds: null,
      fallbacks: [...fallbacks],
    })
  }

  moved(diskKey: string, counters: Running): void {
    this.#put({ ...this.#of(diskKey), ...text(counters) })
  }

  ended(diskKey: string, moved: MovedDisk): void {
    const known = this.#of(diskKey)
    const fallbacks = [...known.fallbacks, ...moved.fallbacks]
    this.#put({ ...known, ...text(moved), seconds: moved.seconds, fallbacks })
  }

  disks(): readonly DiskCounters[] {
    return [...this.#disks.values()]
  }

  #of(diskKey: string): DiskCounters {
    const known = this.#disks.get(diskKey)
    if (known === undefined) throw new Error(`disk ${diskKey} moves before it was planned`)
    return known
  }

  #put(counters: DiskCounters): void {
    this.#disks.set(counters.diskKey, counters)
    this.#report(this.disks())
  }
}

const text = (counters: Running) => ({
  readBytes: counters.readBytes.toString(),
  writtenBytes: counters.writtenBytes.toString(),
  zeroedBytes: counters.zeroedBytes.toString(),
  skippedBytes: counters.skippedBytes.toString(),
  retriedRequests: counters.retriedRequests,
  rateBytesPerSec: counters.rateBytesPerSec.toString(),
})
