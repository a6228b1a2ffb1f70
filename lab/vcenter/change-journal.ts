import { randomBytes } from 'node:crypto'
import { BlockSet } from './block-set.js'

/** A change ID in the form vSphere gives it: sixteen hex bytes, a hyphen in the middle, and a sequence number. */
export interface ChangeMark {
  readonly epoch: string
  readonly sequence: number
}

const changeIdPattern = /^([0-9a-f]{2}(?: [0-9a-f]{2}){7}-[0-9a-f]{2}(?: [0-9a-f]{2}){7})\/([0-9]{1,9})$/

/** Null for anything that is not of vSphere's form. */
export function parseChangeId(text: string): ChangeMark | null {
  const match = changeIdPattern.exec(text)
  const epoch = match?.[1]
  const sequence = match?.[2]
  return epoch === undefined || sequence === undefined ? null : { epoch, sequence: Number(sequence) }
}

export const formatChangeId = (mark: ChangeMark): string => `${mark.epoch}/${mark.sequence}`

function newEpoch(): string {
  const bytes = [...randomBytes(16)].map(byte => byte.toString(16).padStart(2, '0'))
  return `${bytes.slice(0, 8).join(' ')}-${bytes.slice(8).join(' ')}`
}

/**
 * Which blocks were written in which interval. A mark ends an interval: what was changed between two marks is the union
 * of the intervals between them, so an old snapshot's answer stays exact whatever is written later.
 */
export class ChangeJournal {
  private blockCount: number
  private epoch = newEpoch()
  private sequence = 1
  private intervals = new Map<number, BlockSet>()

  constructor(blockCount: number) {
    this.blockCount = blockCount
  }

  /** The area a disk gained counts as unchanged: nothing was written there. */
  grow(blockCount: number): void {
    this.blockCount = blockCount
    for (const interval of this.intervals.values()) interval.grow(blockCount)
  }

  record(block: number): void {
    let interval = this.intervals.get(this.sequence)
    if (interval === undefined) {
      interval = new BlockSet(this.blockCount)
      this.intervals.set(this.sequence, interval)
    }
    interval.add(block)
  }

  /** Ends the current interval; everything written before is before the mark. */
  mark(): ChangeMark {
    this.sequence += 1
    return { epoch: this.epoch, sequence: this.sequence }
  }

  get now(): ChangeMark {
    return { epoch: this.epoch, sequence: this.sequence }
  }

  /** Blocks written from `since` up to `until` (a mark; the current contents when null); null when `since` is of no use. */
  changedBetween(since: ChangeMark, until: ChangeMark | null): BlockSet | null {
    const end = until?.sequence ?? this.sequence + 1
    const known = since.epoch === this.epoch && (until === null || until.epoch === this.epoch)
    if (!known || since.sequence < 1 || since.sequence > end) return null
    const changed = new BlockSet(this.blockCount)
    for (const [sequence, blocks] of this.intervals)
      if (sequence >= since.sequence && sequence < end) changed.addAll(blocks)
    return changed
  }

  /** Forgets everything and begins a new epoch: what a crash of the host, a revert or switching tracking off does. */
  reset(): void {
    this.epoch = newEpoch()
    this.sequence = 1
    this.intervals = new Map()
  }
}
