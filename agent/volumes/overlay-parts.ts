import { createHash } from 'node:crypto'
import { type FilePart } from '../../native/file-copy.js'
import { endOf } from '../domain/extent.js'
import { type Bytes } from '../domain/units.js'
import { type OverlayExtent } from './overlay-extents.js'

/** What an overlay holds of the disk, and beyond the disk's end: the rest of its last cluster. */
export interface OverlayParts {
  readonly ofDisk: readonly FilePart[]
  readonly beyond: readonly FilePart[]
}

/** Both are summed by themselves, so the sum of the disk is what its source was summed to. */
export function partsOf(extents: readonly OverlayExtent[], diskBytes: Bytes): OverlayParts {
  const ofDisk: FilePart[] = []
  const beyond: FilePart[] = []
  for (const { offset, length, fileOffset } of extents) {
    const within = offset >= diskBytes ? 0n : minOf(length, diskBytes - offset)
    if (within > 0n) ofDisk.push({ offset, length: within, fileOffset })
    if (within < length)
      beyond.push({
        offset: offset + within,
        length: length - within,
        fileOffset: fileOffset === null ? null : fileOffset + within,
      })
  }
  return { ofDisk, beyond }
}

export interface OverlaySums {
  readonly ofDisk: bigint
  readonly beyond: bigint
}

/** Of all an overlay holds: where its extents lie, which are zero, and the sums of their pages. */
export function sealedDigest(extents: readonly OverlayExtent[], sums: OverlaySums): string {
  const hash = createHash('sha256').update(`pages ${sums.ofDisk} ${sums.beyond}`)
  let open: { offset: Bytes; end: Bytes; isZero: boolean } | undefined
  const close = (): void => {
    if (open !== undefined) hash.update(` ${open.offset}+${open.end - open.offset}${open.isZero ? 'z' : ''}`)
  }
  // Where in the file a cluster lies is no part of what the overlay holds.
  for (const extent of extents) {
    const isZero = extent.fileOffset === null
    if (open?.end === extent.offset && open.isZero === isZero) {
      open.end = endOf(extent)
    } else {
      close()
      open = { offset: extent.offset, end: endOf(extent), isZero }
    }
  }
  close()
  return hash.digest('hex')
}

const minOf = (a: Bytes, b: Bytes): Bytes => (a < b ? a : b)
