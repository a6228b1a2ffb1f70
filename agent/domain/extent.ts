import { type Bytes, roundDown, roundUp } from './units.js'

/** A half-open byte range [offset, offset + length). */
export interface Extent {
  readonly offset: Bytes
  readonly length: Bytes
}

export const endOf = (extent: Extent): Bytes => extent.offset + extent.length

export const totalLength = (extents: readonly Extent[]): Bytes =>
  extents.reduce((sum, extent) => sum + extent.length, 0n)

/**
 * Rounds each extent outwards to `grain`, clips to `size` and joins what then touches or overlaps. Input in any order;
 * output sorted and disjoint. A grain of 64 KiB keeps requests aligned for every server and joins CBT's neighbours.
 */
export function coalesce(extents: readonly Extent[], grain: Bytes, size: Bytes): Extent[] {
  const sorted = extents
    .filter(extent => extent.length > 0n && extent.offset < size)
    .map(extent => ({
      start: roundDown(extent.offset, grain),
      end: minOf(roundUp(endOf(extent), grain), size),
    }))
    .sort((a, b) => (a.start < b.start ? -1 : a.start > b.start ? 1 : 0))
  const joined: Extent[] = []
  for (const { start, end } of sorted) {
    const last = joined.at(-1)
    if (last !== undefined && start <= endOf(last)) {
      if (end > endOf(last)) joined[joined.length - 1] = { offset: last.offset, length: end - last.offset }
    } else {
      joined.push({ offset: start, length: end - start })
    }
  }
  return joined
}

/** What is left of `whole`; `without` sorted and disjoint. */
export function subtract(whole: Extent, without: readonly Extent[]): Extent[] {
  const left: Extent[] = []
  let at = whole.offset
  for (const hole of without) {
    const until = minOf(hole.offset, endOf(whole))
    if (until > at) left.push({ offset: at, length: until - at })
    if (endOf(hole) > at) at = endOf(hole)
  }
  if (at < endOf(whole)) left.push({ offset: at, length: endOf(whole) - at })
  return left
}

/** The same bytes in the same order, in lists of at most `bytes` each. */
export function* portions(extents: readonly Extent[], bytes: Bytes): Generator<readonly Extent[]> {
  let portion: Extent[] = []
  let room = bytes
  for (const extent of extents) {
    for (let at = extent.offset; at < endOf(extent);) {
      const length = minOf(room, endOf(extent) - at)
      portion.push({ offset: at, length })
      at += length
      room -= length
      if (room > 0n) continue
      yield portion
      portion = []
      room = bytes
    }
  }
  if (portion.length > 0) yield portion
}

const minOf = (a: Bytes, b: Bytes): Bytes => (a < b ? a : b)
