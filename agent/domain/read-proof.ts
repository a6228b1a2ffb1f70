import { createHash } from 'node:crypto'
import { endOf, type Extent } from './extent.js'
import { type Bytes } from './units.js'

/**
 * What one side read of a disk: a digest of the areas, and the sum of their pages (native/src/page_sum.h) as 32 hex digits.
 * Made where the source is read and again from where the bytes were written, so that damage between the two is seen.
 */
export interface ReadProof {
  readonly areas: string
  readonly sum: string
}

export const readProof = (extents: readonly Extent[], pageSum: bigint): ReadProof => ({
  areas: areasDigest(extents),
  sum: pageSumText(pageSum),
})

export const pageSumText = (pageSum: bigint): string => pageSum.toString(16).padStart(32, '0')
export const pageSumFromText = (text: string): bigint => BigInt(`0x${text}`)

/** Areas that touch count as one. Sorted and disjoint. */
export function areasDigest(extents: readonly Extent[]): string {
  const hash = createHash('sha256')
  let open: Extent | undefined
  const close = (): void => {
    if (open !== undefined) hash.update(` ${open.offset}+${open.length}`)
  }
  for (const extent of extents) {
    if (extent.length === 0n) continue
    if (open !== undefined && endOf(open) === extent.offset) {
      open = { offset: open.offset, length: open.length + extent.length }
    } else {
      close()
      open = extent
    }
  }
  close()
  return hash.digest('hex')
}

/** Of a disk that was read whole. */
export const wholeDisk = (bytes: Bytes): readonly Extent[] => [{ offset: 0n, length: bytes }]

/** `unknown`: the two do not speak of the same areas, so their sums say nothing. */
export type ProofVerdict = 'same' | 'different' | 'unknown'

export function compareProofs(read: ReadProof, found: ReadProof): ProofVerdict {
  if (read.areas !== found.areas) return 'unknown'
  return read.sum === found.sum ? 'same' : 'different'
}
