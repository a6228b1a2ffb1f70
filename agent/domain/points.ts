import { type LayerId, type PointId } from './ids.js'
import { GIB, type Bytes } from './units.js'

/** How long the points of a job are kept, and what they may cost. */
export interface PointPolicy {
  /** Usable points, the newest included. 1 keeps nothing of what a pass overwrites. */
  readonly maxPoints: number
  /** Since the source was frozen; null: age lets none go. */
  readonly maxAgeMs: number | null
  /** What the undo of all points together may take on the OMA. */
  readonly capBytes: Bytes
}

/** Of a job for which nobody decided. */
export const defaultPointPolicy: PointPolicy = { maxPoints: 24, maxAgeMs: null, capBytes: 20n * GIB }

/** A point that is read through undo. */
export interface KeptPoint {
  readonly id: PointId
  /** When the source was frozen. */
  readonly at: Date
  /** An operator wants it: neither count nor age lets it go; the lack of room does. */
  readonly pinned: boolean
  /** Somebody reads it just now: as for a pinned one. */
  readonly inUse: boolean
  /** Of what was overwritten between it and the next newer point. */
  readonly undoBytes: Bytes
}

export interface Departure {
  readonly id: PointId
  readonly why: 'count' | 'age' | 'room'
}

/**
 * Which of the points have outlived the policy; `kept` oldest first, without the one on the volume. While no point is on the
 * volume as a whole (`volumeIsWhole` false) the newest kept one stays whatever the policy says: it may be the only one left.
 */
export function outlived(
  kept: readonly KeptPoint[],
  policy: PointPolicy,
  now: Date,
  volumeIsWhole: boolean,
): readonly Departure[] {
  const protectedFrom = volumeIsWhole ? kept.length : kept.length - 1
  const oldest = now.getTime() - (policy.maxAgeMs ?? Number.POSITIVE_INFINITY)
  let left = kept.length + (volumeIsWhole ? 1 : 0)
  return kept.flatMap((point, index): readonly Departure[] => {
    if (point.pinned || point.inUse || index >= protectedFrom) return []
    const isOver = left > policy.maxPoints
    if (!isOver && point.at.getTime() >= oldest) return []
    left -= 1
    return [{ id: point.id, why: isOver ? 'count' : 'age' }]
  })
}

/** What there is room for. */
export type Admission =
  /** The policy keeps the newest point only. */
  | { readonly kind: 'off' }
  | { readonly kind: 'fits'; readonly departures: readonly Departure[] }
  /** Not even with every older point gone. */
  | { readonly kind: 'no-room'; readonly why: string }

/**
 * Makes room for `needBytes` more undo: the oldest points go first, and only as many as have to. Only undo that no older point
 * needs is freed, so they go in order, pinned or not. `freeBytes` is what the disk still takes; `mayGo` is how many of the
 * oldest may go at all.
 */
export function admit(
  kept: readonly KeptPoint[],
  policy: PointPolicy,
  needBytes: Bytes,
  freeBytes: Bytes,
  mayGo = kept.length,
): Admission {
  if (policy.maxPoints <= 1) return { kind: 'off' }
  let used = undoOf(kept)
  let free = freeBytes
  const departures: Departure[] = []
  const rest = kept.slice(0, mayGo)
  for (;;) {
    const overCap = used + needBytes > policy.capBytes
    if (!overCap && needBytes <= free) return { kind: 'fits', departures }
    const next = rest.shift()
    if (next === undefined) {
      const limit = overCap
        ? `its journal may hold ${policy.capBytes} bytes`
        : `the disk has room for ${free} more`
      return { kind: 'no-room', why: `the undo takes up to ${needBytes} bytes, and ${limit}` }
    }
    used -= next.undoBytes
    free += next.undoBytes
    departures.push({ id: next.id, why: 'room' })
  }
}

export const undoOf = (kept: readonly KeptPoint[]): Bytes =>
  kept.reduce((sum, point) => sum + point.undoBytes, 0n)

/** What was written over the volumes of a job in one go, and the undo of it. */
export interface UndoLayer {
  readonly id: LayerId
  /** Counts the writings of a job; grows. */
  readonly seq: number
}

/**
 * The layers through which a point is read, the top one first: everything overwritten since it was on the volume. `position`
 * is the newest writing when it was.
 */
export const chainOf = <Layer extends UndoLayer>(
  position: number,
  layers: readonly Layer[],
): readonly Layer[] => layers.filter(layer => layer.seq > position).sort((one, other) => one.seq - other.seq)

/** Layers that no point is read through any more. */
export function needlessLayers<Layer extends UndoLayer>(
  positions: readonly number[],
  layers: readonly Layer[],
): readonly Layer[] {
  const oldest = Math.min(...positions)
  return layers.filter(layer => layer.seq <= oldest)
}

/** How far back the points reach; hours, null without a second point. */
export function hoursKept(usableAt: readonly Date[]): number | null {
  if (usableAt.length < 2) return null
  const times = usableAt.map(at => at.getTime())
  return (Math.max(...times) - Math.min(...times)) / 3_600_000
}
