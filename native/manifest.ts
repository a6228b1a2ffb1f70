import { type CopyExtent, type Manifest } from './types.js'

export interface PlainExtent {
  readonly offset: bigint
  readonly length: bigint
}

/** Extents that touch become one; a block then belongs to one extent only. */
export function joined(extents: readonly CopyExtent[]): PlainExtent[] {
  const list: PlainExtent[] = []
  for (const extent of extents) {
    const last = list.at(-1)
    if (last !== undefined && last.offset + last.length === extent.offset)
      list[list.length - 1] = { offset: last.offset, length: last.length + extent.length }
    else list.push(extent)
  }
  return list
}

/** The blocks of a manifest in the order of its digests. */
export function* blocksOf(manifest: Pick<Manifest, 'extents' | 'blockBytes'>): Generator<PlainExtent> {
  const unit = BigInt(manifest.blockBytes)
  for (const { offset, length } of manifest.extents) {
    const end = offset + length
    for (let at = offset; at < end;) {
      const next = (at / unit + 1n) * unit
      const until = next < end ? next : end
      yield { offset: at, length: until - at }
      at = until
    }
  }
}

/** Where two manifests of the same extents differ. Throws when they cannot be compared. */
export function differences(a: Manifest, b: Manifest): PlainExtent[] {
  const [left, right] = [[...blocksOf(a)], [...blocksOf(b)]]
  const alike = left.every(
    ({ offset, length }, index) => right[index]?.offset === offset && right[index].length === length,
  )
  if (a.algorithm !== b.algorithm || left.length !== right.length || !alike)
    throw new Error('these manifests describe different blocks')
  const width = a.digests.length / Math.max(1, left.length)
  return joined(
    left.filter((_, index) => {
      const [from, until] = [index * width, (index + 1) * width]
      return !a.digests.subarray(from, until).equals(b.digests.subarray(from, until))
    }),
  )
}
