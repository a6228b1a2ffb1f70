// The disks of the bench. Every layout comes from a seed, so that two runs of the bench move the same bytes.
import { randomFillSync } from 'node:crypto'
import { closeSync, ftruncateSync, openSync, readSync, writeSync } from 'node:fs'

export const mib = 1024 * 1024
const step = 4 * mib
const pool = randomFillSync(Buffer.alloc(step + 64 * 1024))

/** A small generator (Weyl sequence, multiply and shift): numbers below `limit`, the same for the same seed. */
export function sequence(seed) {
  let state = seed >>> 0
  return limit => {
    state = (state + 0x9e3779b9) >>> 0
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b) >>> 0
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35) >>> 0
    return ((mixed ^ (mixed >>> 16)) >>> 0) % limit
  }
}

/** Data that differs from offset to offset, made without a random byte for each. */
function dataFor(offset, length) {
  const from = (offset / 4096) % 4096
  const data = Buffer.from(pool.subarray(from, from + length))
  for (let at = 0; at < length; at += 4096) data.writeBigUInt64LE(BigInt(offset + at) + 1n, at)
  return data
}

const layouts = {
  dense: sizeMib => [{ kind: 'data', from: 0, length: sizeMib * mib }],
  /** 70 % holes, in areas of 1 to 64 MiB. */
  sparse: (sizeMib, pick) => areas(sizeMib, pick, 70, 'hole', () => (1 + pick(64)) * mib),
  /** 54 % zero-filled but allocated, in runs of 4 KiB to 1 MiB. */
  'allocated-zero': (sizeMib, pick) => areas(sizeMib, pick, 54, 'zero', () => (1 + pick(256)) * 4096),
}

function areas(sizeMib, pick, percent, other, lengthOf) {
  const list = []
  const size = sizeMib * mib
  let [others, at] = [0, 0]
  while (at < size) {
    const length = Math.min(lengthOf(), size - at)
    const kind = others * 100 < percent * at || (at === 0 && pick(2) === 0) ? other : 'data'
    if (kind === other) others += length
    list.push({ kind, from: at, length })
    at += length
  }
  // Whole areas in an order that is not the order of the running share.
  for (let i = list.length - 1; i > 0; i -= 1) {
    const j = pick(i + 1)
    ;[list[i], list[j]] = [list[j], list[i]]
  }
  at = 0
  return list.map(area => {
    const placed = { ...area, from: at }
    at += area.length
    return placed
  })
}

export function makeImage(path, layout, sizeMib) {
  const file = openSync(path, 'w')
  ftruncateSync(file, sizeMib * mib)
  for (const { kind, from, length } of layouts[layout](sizeMib, sequence(7))) {
    if (kind === 'hole') continue
    for (let at = from; at < from + length; at += step) {
      const part = Math.min(step, from + length - at)
      writeSync(file, kind === 'data' ? dataFor(at, part) : Buffer.alloc(part), 0, part, at)
    }
  }
  closeSync(file)
}

/** `percent` of the disk in scattered extents of 64 KiB. */
export function scatteredExtents(sizeMib, percent) {
  const pick = sequence(11)
  const blocks = sizeMib * 16
  const chosen = new Set()
  while (chosen.size < Math.round((blocks * percent) / 100)) chosen.add(pick(blocks))
  return [...chosen].sort((a, b) => a - b).map(block => ({ offset: block * 65536, length: 65536 }))
}

/** Spoils a few blocks inside the extents, so that a contender that copies nothing is found out. */
export function spoil(path, extents, round) {
  const file = openSync(path, 'r+')
  const junk = Buffer.alloc(4096, 0xa5)
  const pick = sequence(100 + round)
  for (let n = 0; n < 64; n += 1) {
    const { offset, length } = extents[pick(extents.length)]
    writeSync(file, junk, 0, 4096, offset + pick(length / 4096) * 4096)
  }
  closeSync(file)
}

export function identical(a, b) {
  const [one, other] = [openSync(a, 'r'), openSync(b, 'r')]
  const [left, right] = [Buffer.allocUnsafe(mib), Buffer.allocUnsafe(mib)]
  try {
    for (let at = 0; ; at += mib) {
      const read = readSync(one, left, 0, mib, at)
      if (readSync(other, right, 0, mib, at) < read) return false
      if (read === 0) return true
      if (Buffer.compare(left.subarray(0, read), right.subarray(0, read)) !== 0) return false
    }
  } finally {
    closeSync(one)
    closeSync(other)
  }
}
