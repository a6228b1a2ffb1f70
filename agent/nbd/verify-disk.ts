import { hashDisk } from '../../native/copy.js'
import { blocksOf, differences } from '../../native/manifest.js'
import { type ConnectTarget, type HashAlgorithm } from '../../native/types.js'
import { portions, totalLength, type Extent } from '../domain/extent.js'
import { GIB, type Bytes } from '../domain/units.js'
import { asAppError, targetError } from './failure.js'

/** Found with both sides' digests, block by block. Bytes. */
export interface ComparedDisk {
  readonly blocks: number
  readonly differingBlocks: number
  /** Where the first block that differs begins; undefined: none does. */
  readonly firstDifference: Bytes | undefined
  readonly comparedBytes: Bytes
  /** Without what a side's map calls zero. */
  readonly sourceReadBytes: Bytes
  readonly targetReadBytes: Bytes
}

export interface VerifySettings {
  readonly algorithm: HashAlgorithm
  readonly blockBytes: number
  /** For each side; undefined: no limit. */
  readonly bytesPerSecond: Bytes | undefined
}

/** Keeps the digests of two manifests, and the lists made of them, to a few megabytes. */
const portionBytes: Bytes = 16n * GIB

/**
 * Hashes the extents on both sides at once and compares. Nothing is written. Rejects with SOURCE_READ_FAILED,
 * NBD_UNREACHABLE, TARGET_READ_FAILED or the signal's reason.
 */
export async function verifyDisk(
  disk: string,
  ends: { readonly source: ConnectTarget; readonly target: ConnectTarget },
  extents: readonly Extent[],
  settings: VerifySettings,
  signal: AbortSignal,
): Promise<ComparedDisk> {
  const { bytesPerSecond, ...hash } = settings
  let found: ComparedDisk = {
    blocks: 0,
    differingBlocks: 0,
    firstDifference: undefined,
    comparedBytes: 0n,
    sourceReadBytes: 0n,
    targetReadBytes: 0n,
  }
  for (const portion of portions(extents, portionBytes)) {
    const failing = new AbortController()
    const either = AbortSignal.any([signal, failing.signal])
    const side = async (source: ConnectTarget, name: 'source' | 'target') => {
      let readBytes = 0n
      try {
        const manifest = await hashDisk({
          source,
          extents: portion,
          hash,
          signal: either,
          onProgress: counters => {
            readBytes = counters.readBytes
          },
          ...(bytesPerSecond === undefined ? {} : { bytesPerSecond }),
        })
        return { manifest, readBytes }
      } catch (cause) {
        const error = name === 'source' ? asAppError(disk, cause, either) : targetError(disk, cause, either)
        // The other side has nothing to be compared with any more, and rejects with the same.
        failing.abort(error)
        throw error
      }
    }
    const [ours, theirs] = await both(side(ends.source, 'source'), side(ends.target, 'target'))
    const different = differences(ours.manifest, theirs.manifest)
    const blocks = { extents: different, blockBytes: hash.blockBytes }
    found = {
      blocks: found.blocks + count(blocksOf(ours.manifest)),
      differingBlocks: found.differingBlocks + count(blocksOf(blocks)),
      firstDifference: found.firstDifference ?? different[0]?.offset,
      comparedBytes: found.comparedBytes + totalLength(portion),
      sourceReadBytes: found.sourceReadBytes + ours.readBytes,
      targetReadBytes: found.targetReadBytes + theirs.readBytes,
    }
  }
  return found
}

/** Settles when both have. */
async function both<T>(one: Promise<T>, other: Promise<T>): Promise<readonly [T, T]> {
  await Promise.allSettled([one, other])
  return Promise.all([one, other])
}

function count(blocks: Iterable<unknown>): number {
  let total = 0
  for (const block of blocks) if (block !== undefined) total += 1
  return total
}
