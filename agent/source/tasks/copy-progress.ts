import { type DiskCounters } from '../../api/worker.js'
import { pageSumText } from '../../domain/read-proof.js'
import { type Carried, type MoveCounters, type MovedDisk } from '../../nbd/move-disk.js'
import { type DiskPlan } from '../../nbd/plan-disk.js'

/** The counters of one task as they are reported: all disks together, each from its plan to its end. */
export class CopyProgress {
  readonly #report: (disks: readonly DiskCounters[]) => void
  readonly #disks = new Map<string, DiskCounters>()

  constructor(report: (disks: readonly DiskCounters[]) => void) {
    this.#report = report
  }

  /** `fallbacks`: what could not be done as it should, in words. */
  planned(diskKey: string, plan: DiskPlan, carried: Carried, fallbacks: readonly string[]): void {
    const { syncType, plannedBytes, basis, resumedBytes: readBytes } = plan
    const { resumeFrom: durableBelow, resumeSum: durableSum } = plan
    this.#put({
      ...text({ ...carried, readBytes, durableBelow, durableSum, rateBytesPerSec: 0n }),
      diskKey,
      syncType,
      basis,
      plannedBytes: plannedBytes.toString(),
      seconds: null,
      fallbacks: [...fallbacks],
    })
  }

  moved(diskKey: string, counters: MoveCounters): void {
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

const text = (counters: MoveCounters) => ({
  readBytes: counters.readBytes.toString(),
  writtenBytes: counters.writtenBytes.toString(),
  zeroedBytes: counters.zeroedBytes.toString(),
  skippedBytes: counters.skippedBytes.toString(),
  sentAgainBytes: counters.sentAgainBytes.toString(),
  durableBelow: counters.durableBelow.toString(),
  durableSum: pageSumText(counters.durableSum),
  retriedRequests: counters.retriedRequests,
  rateBytesPerSec: counters.rateBytesPerSec.toString(),
})
